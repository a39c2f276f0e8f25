import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { text } from "node:stream/consumers";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { ClusterAccess } from "./cluster-access.ts";
import { findClusterAccess } from "./find-cluster-access.ts";
import { readLines } from "./read-lines.ts";

/** A Kubernetes object as it comes: nothing but metadata is known of it. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMetadata;
  readonly [member: string]: unknown;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly { readonly manager?: string; readonly time?: string }[];
}

/** An answer that is not 2xx: `status` is HTTP's, `reason` and `message` are Kubernetes' own. */
export class KubernetesRefusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = "KubernetesRefusal";
    this.status = status;
    this.reason = reason;
  }
}

export interface KubernetesCall {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path with query. */
  readonly path: string;
  readonly body?: object;
  /** For PATCH: merge patches unless said otherwise. */
  readonly contentType?: string;
  /** For a list: it is read in pages, so that it never lies in memory as a whole text, and the answer has the items of all of them. */
  readonly pages?: ListPages;
  readonly signal?: AbortSignal;
}

export interface ListPages {
  readonly size: number;
  /** What is kept of an item, asked as its page arrives. */
  readonly keep: (object: KubernetesObject) => KubernetesObject;
}

/** A list as it is answered; of several pages, all but the last say how it goes on. */
export interface ObjectList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubernetesObject[];
}

/** The API server, with the rights and trust of a kubeconfig. Connections are kept. */
export interface KubernetesClient {
  readonly server: string;
  /** The parsed answer, undefined for an empty one. Throws KubernetesRefusal for an answer, MeshError `unavailable` for none. */
  call<T>(call: KubernetesCall): Promise<T>;
  /** Hands over each line of a watch until the server ends it; throws as `call` does. */
  watch(path: string, signal: AbortSignal, line: (text: string) => void): Promise<void>;
}

/** An ordinary call that takes longer has lost its server. Milliseconds. */
const callLimit = 15_000;
/** TCP keep-alive, so that a watch notices a server that vanished. Milliseconds. */
const keepAliveDelay = 10_000;

/** `kubeconfig` is a file; without it the usual places are tried: the service account of the pod, KUBECONFIG, the home folder. */
export async function createKubernetesClient(kubeconfig?: string): Promise<KubernetesClient> {
  return clientOf(await findClusterAccess(kubeconfig));
}

function clientOf({ server, requestOptions }: ClusterAccess): KubernetesClient {
  const base = server.replace(/\/$/, "");
  const send = async (call: KubernetesCall): Promise<IncomingMessage> => {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const access = await requestOptions();
    const options: RequestOptions = {
      ...access,
      method: call.method ?? "GET",
      headers: { ...access.headers, ...headersOf(call, body) },
      ...(call.signal && { signal: call.signal }),
    };
    return exchange(new URL(base + call.path), options, body);
  };
  const callOnce = async (call: KubernetesCall): Promise<unknown> => {
    const limit = AbortSignal.timeout(callLimit);
    const response = await send({
      ...call,
      signal: call.signal === undefined ? limit : AbortSignal.any([limit, call.signal]),
    });
    const body = await text(response);
    if (isSuccess(response)) return body === "" ? undefined : JSON.parse(body);
    throw refusalOf(response.statusCode ?? 0, body);
  };
  return {
    server,
    async call<T>(call: KubernetesCall): Promise<T> {
      const read = (path: string): Promise<unknown> => callOnce({ ...call, path });
      return (await (call.pages === undefined ? read(call.path) : readPages(call.path, call.pages, read))) as T;
    },
    async watch(path, signal, line) {
      const response = await send({ path, signal });
      if (!isSuccess(response)) throw refusalOf(response.statusCode ?? 0, await text(response));
      try {
        await readLines(response, line);
      } catch (error) {
        if (error instanceof KubernetesRefusal) throw error;
        throw new MeshError("unavailable", `watch of ${path} broke`, { cause: error });
      } finally {
        response.destroy();
      }
    },
  };
}

export function isRefusal(error: unknown, status: number): boolean {
  return error instanceof KubernetesRefusal && error.status === status;
}

async function readPages(
  path: string,
  { size, keep }: ListPages,
  read: (path: string) => Promise<unknown>,
): Promise<ObjectList> {
  const items: KubernetesObject[] = [];
  const first = `${path}${path.includes("?") ? "&" : "?"}limit=${size}`;
  for (let next = first; ; ) {
    const page = (await read(next)) as ObjectList;
    for (const item of page.items) items.push(keep(item));
    const { resourceVersion, continue: token } = page.metadata;
    if (token === undefined || token === "") return { metadata: { resourceVersion }, items };
    next = `${first}&continue=${encodeURIComponent(token)}`;
  }
}

function exchange(url: URL, options: RequestOptions, body: string | undefined): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "http:" ? httpRequest : httpsRequest)(url, options, resolve);
  request.on("error", (error) =>
    reject(new MeshError("unavailable", `${url.host} does not answer: ${error.message}`, { cause: error })),
  );
  request.once("socket", (socket) => socket.setKeepAlive(true, keepAliveDelay));
  request.end(body);
  return promise;
}

function headersOf(call: KubernetesCall, body: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) {
    // Said, because Node sends the body of a DELETE without any framing otherwise, and it is lost.
    headers["content-length"] = String(Buffer.byteLength(body));
    headers["content-type"] =
      call.contentType ?? (call.method === "PATCH" ? "application/merge-patch+json" : "application/json");
  }
  return headers;
}

function isSuccess(response: IncomingMessage): boolean {
  return response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300;
}

function refusalOf(status: number, body: string): KubernetesRefusal {
  try {
    const { reason, message } = JSON.parse(body) as { readonly reason?: string; readonly message?: string };
    return new KubernetesRefusal(status, reason ?? "", message ?? `status ${status}`);
  } catch {
    return new KubernetesRefusal(status, "", `status ${status}: ${body.slice(0, 200)}`); // a proxy's page, not Kubernetes' own answer
  }
}
