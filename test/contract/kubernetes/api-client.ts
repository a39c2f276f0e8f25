/** A small client for the contract suite: requests as they are written in the API's documentation. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, type RequestOptions, request as startRequest } from "node:https";
import { createInterface } from "node:readline";
import { KubeConfig } from "@kubernetes/client-node";

export interface Answer {
  readonly code: number;
  readonly body: View;
  /** All Warning headers. */
  readonly warnings: string;
}

type Keys = readonly (string | number)[];

/** A JSON value, looked into by keys and indexes. */
export interface View {
  readonly value: unknown;
  /** undefined where the way ends */
  at(...keys: Keys): unknown;
  /** "" for what is no text */
  text(...keys: Keys): string;
  /** empty for what is no list */
  list(...keys: Keys): readonly View[];
  /** empty for what is no record */
  record(...keys: Keys): Readonly<Record<string, unknown>>;
}

function step(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string | number, unknown>>)[key];
}

function viewOf(value: unknown): View {
  const at = (...keys: Keys): unknown => keys.reduce(step, value);
  return {
    value,
    at,
    text(...keys) {
      const found = at(...keys);
      return typeof found === "string" ? found : "";
    },
    list(...keys) {
      const found = at(...keys);
      return Array.isArray(found) ? found.map(viewOf) : [];
    },
    record(...keys) {
      const found = at(...keys);
      return typeof found === "object" && found !== null ? { ...found } : {};
    },
  };
}

export interface ApiClient {
  readonly config: KubeConfig;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  put(path: string, body: unknown): Promise<Answer>;
  /** @param type "json", "merge", "strategic" or "apply" */
  patch(path: string, type: PatchType, body: unknown): Promise<Answer>;
  delete(path: string, body?: unknown): Promise<Answer>;
  watch(path: string): Promise<Stream>;
  /** The same server, with another Authorization header and no certificate. */
  as(authorization: string): Pick<ApiClient, "get" | "post">;
}

export type PatchType = "json" | "merge" | "strategic" | "apply";

export interface WatchEvent {
  readonly type: string;
  readonly object: View;
}

export interface Stream extends AsyncDisposable {
  /** The next event; fails after 30 seconds without one. */
  next(): Promise<WatchEvent>;
  /** The next event that fits; others are passed over. */
  find(fits: (event: WatchEvent) => boolean): Promise<WatchEvent>;
  /** Resolves when the server has ended the stream. */
  ended(): Promise<void>;
}

const patchTypes: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

const longestWait = 30_000;

export async function createApiClient(kubeconfig: string): Promise<ApiClient> {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const access: RequestOptions = {};
  await config.applyToHTTPSOptions(access);
  const { ca, cert, key } = access;
  access.agent = new Agent({
    keepAlive: true,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  });
  return clientFor(config, access);
}

interface Sending {
  readonly headers?: object;
  readonly body?: unknown;
}

function clientFor(config: KubeConfig, access: RequestOptions): ApiClient {
  const server = config.getCurrentCluster()?.server ?? "";
  const open = async (method: string, path: string, more: Sending = {}): Promise<IncomingMessage> => {
    const text = more.body === undefined ? "" : JSON.stringify(more.body);
    // Node sends a DELETE's body without its length unless told.
    const length = { "content-length": Buffer.byteLength(text) };
    const headers = { ...(access.headers as object), "user-agent": "contract/1", ...length, ...more.headers };
    const sent = startRequest(new URL(path, server), { ...access, method, headers } as RequestOptions);
    sent.end(text);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    return response;
  };
  const ask = async (method: string, path: string, more: Sending = {}): Promise<Answer> => {
    const response = await open(method, path, more);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const isJson = text.startsWith("{");
    const warnings = [response.headers["warning"] ?? []].flat().join("\n");
    return { code: response.statusCode ?? 0, body: viewOf(isJson ? JSON.parse(text) : text), warnings };
  };
  const json = { "content-type": "application/json" };
  return {
    config,
    get: (path, headers) => ask("GET", path, { headers: headers ?? {} }),
    post: (path, body) => ask("POST", path, { headers: json, body }),
    put: (path, body) => ask("PUT", path, { headers: json, body }),
    patch: (path, type, body) => ask("PATCH", path, { headers: { "content-type": patchTypes[type] }, body }),
    delete: (path, body) => ask("DELETE", path, { headers: json, body: body ?? {} }),
    watch: async (path) => createStream(await open("GET", path)),
    as(authorization) {
      const { key: _, cert: __, agent: ___, ...rest } = access;
      const ca = Buffer.from(config.getCurrentCluster()?.caData ?? "", "base64");
      return clientFor(config, { ...rest, ca, headers: { authorization } });
    },
  };
}

function createStream(response: IncomingMessage): Stream {
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const late = (): Promise<never> =>
    new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`nothing came on the watch for ${longestWait} ms`)), longestWait).unref();
    });
  const next = async (): Promise<WatchEvent> => {
    const line = await Promise.race([lines.next(), late()]);
    if (line.done) throw new Error("the watch has ended");
    const { type, object } = JSON.parse(line.value) as { type: string; object: unknown };
    return { type, object: viewOf(object) };
  };
  return {
    next,
    async find(fits) {
      for (;;) {
        const event = await next();
        if (fits(event)) return event;
      }
    },
    async ended() {
      for (;;) {
        const line = await Promise.race([lines.next(), late()]);
        if (line.done) return;
      }
    },
    async [Symbol.asyncDispose]() {
      response.destroy();
      await Promise.resolve();
    },
  };
}

/** Asks again until the answer fits; fails after 30 seconds with the last answer. */
export async function eventually(ask: () => Promise<Answer>, fits: (answer: Answer) => boolean): Promise<Answer> {
  const end = Date.now() + longestWait;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (Date.now() > end) throw new Error(`still not so: ${answer.code} ${JSON.stringify(answer.body.value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
