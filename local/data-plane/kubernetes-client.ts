/** The few requests of a kubelet, a kube-proxy and a cluster DNS to the Kubernetes API. */

import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { ClusterAccess } from "./kubeconfig.ts";

export interface KubernetesRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With query, for example `/api/v1/pods?limit=1`. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface KubernetesClient extends Disposable {
  /** The parsed answer; rejects with `KubernetesError` for a status of 400 and more, with the network's error otherwise. */
  readonly call: (request: KubernetesRequest) => Promise<unknown>;
  /** The answer of a watch, line by line; ends when the server ends it, throws `KubernetesError` and network errors. */
  readonly lines: (path: string, signal: AbortSignal) => AsyncIterable<string>;
}

/** The API server refused. `status` is the HTTP status. */
export class KubernetesError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(`Kubernetes answers ${status}: ${message}`);
    this.name = "KubernetesError";
    this.status = status;
  }
}

export const MERGE_PATCH = "application/merge-patch+json";
/** An ordinary call that takes longer has lost its server. */
const CALL_TIMEOUT_MS = 15_000;
/** TCP keep-alive of connections, so that a watch notices a server that vanished. */
const KEEP_ALIVE_MS = 10_000;

export function createKubernetesClient(access: ClusterAccess): KubernetesClient {
  const secure = access.server.startsWith("https:");
  const agent = secure
    ? new HttpsAgent({
        keepAlive: true,
        rejectUnauthorized: !access.insecure,
        ...(access.ca === undefined ? {} : { ca: access.ca }),
        ...(access.certificate === undefined ? {} : { cert: access.certificate }),
        ...(access.key === undefined ? {} : { key: access.key }),
      })
    : new HttpAgent({ keepAlive: true });
  const open = (request: KubernetesRequest, signal: AbortSignal): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const call: ClientRequest = (secure ? httpsRequest : httpRequest)(`${access.server}${request.path}`, {
      method: request.method,
      agent,
      signal,
      headers: {
        accept: "application/json",
        "user-agent": "weft-data-plane",
        ...(body === undefined
          ? {}
          : {
              "content-type": request.contentType ?? "application/json",
              "content-length": String(Buffer.byteLength(body)),
            }),
        ...(access.token === undefined ? {} : { authorization: `Bearer ${access.token}` }),
      },
    });
    call.once("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    call.once("response", resolve);
    call.once("error", reject);
    call.end(body);
    return promise;
  };
  return {
    async call(request) {
      const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS);
      const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
      const response = await open(request, signal);
      const text = await readAll(response);
      if ((response.statusCode ?? 500) >= 400) throw refusal(response, text);
      return text === "" ? undefined : JSON.parse(text);
    },
    async *lines(path, signal) {
      const response = await open({ method: "GET", path }, signal);
      if ((response.statusCode ?? 500) >= 400) throw refusal(response, await readAll(response));
      yield* splitLines(response);
    },
    [Symbol.dispose]() {
      agent.destroy();
    },
  };
}

async function readAll(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}

async function* splitLines(response: IncomingMessage): AsyncIterable<string> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
}

function refusal(response: IncomingMessage, text: string): KubernetesError {
  let message = text.slice(0, 300);
  try {
    const status: unknown = JSON.parse(text);
    if (typeof status === "object" && status !== null && "message" in status) message = String(status.message);
  } catch {
    // Not a Status object; the text itself is the message.
  }
  return new KubernetesError(response.statusCode ?? 500, message);
}
