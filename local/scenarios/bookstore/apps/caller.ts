import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { createNameCache } from "./name-cache.ts";

/** Why no answer came. Anything else the system may say is passed on as its error code. */
export type Failure = "closed" | "refused" | "timeout" | "unresolved";

export type Outcome =
  | { readonly kind: "answered"; readonly status: number; readonly identity: string | undefined }
  | { readonly kind: "failed"; readonly failure: Failure | (string & {}) };

export interface Caller extends Disposable {
  /** Never rejects. A GET on a kept connection that the other side had just closed is sent once more on a new one. */
  get(url: URL, headers?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Never rejects. Sent once. */
  post(url: URL, body: string): Promise<Outcome>;
}

interface Call {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Behaves as Go's HTTP client: connections are kept, and an idempotent request survives one that was closed while idle. */
export function createCaller(options: { readonly connections: number; readonly timeoutMs: number }): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const lookup = createNameCache();
  const send = async (call: Call): Promise<{ outcome: Outcome; stale: boolean }> => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const headers = { ...call.headers, ...(call.body !== undefined && { "content-length": String(call.body.length) }) };
    const request: ClientRequest = httpRequest(
      call.url,
      { method: call.method, headers, agent, lookup, family: 4 },
      (response) => readAnswer(response, resolve),
    );
    const timer = setTimeout(() => {
      resolve({ kind: "failed", failure: "timeout" });
      request.destroy();
    }, options.timeoutMs);
    request.once("error", (error) => resolve({ kind: "failed", failure: failureOf(error) }));
    request.end(call.body);
    const outcome = await promise;
    clearTimeout(timer);
    return { outcome, stale: request.reusedSocket && outcome.kind === "failed" && outcome.failure === "closed" };
  };
  return {
    async get(url, headers = {}) {
      const first = await send({ method: "GET", url, headers });
      return first.stale ? (await send({ method: "GET", url, headers })).outcome : first.outcome;
    },
    post: async (url, body) => (await send({ method: "POST", url, body })).outcome,
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** The whole answer must arrive, or it is none. */
function readAnswer(response: IncomingMessage, resolve: (outcome: Outcome) => void): void {
  const identity = response.headers["identity"];
  response.resume();
  response.once("error", (error) => resolve({ kind: "failed", failure: failureOf(error) }));
  response.once("end", () =>
    resolve({
      kind: "answered",
      status: response.statusCode ?? 0,
      identity: typeof identity === "string" ? identity : undefined,
    }),
  );
}

const failures: Readonly<Record<string, Failure>> = {
  ECONNRESET: "closed",
  EPIPE: "closed",
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
  ENOTFOUND: "unresolved",
  EAI_AGAIN: "unresolved",
};

export function failureOf(error: NodeJS.ErrnoException): Failure | (string & {}) {
  const code = error.code ?? error.name;
  return failures[code] ?? code;
}
