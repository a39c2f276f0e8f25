/** Asks a sidecar over its admin socket. */

import { request } from "node:http";

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

/** One request to Envoy's admin interface; rejects when it does not answer within `timeoutMs`. */
export async function askEnvoy(
  socketPath: string,
  { method, path }: { readonly method: "GET" | "POST"; readonly path: string },
  timeoutMs = 2_000,
): Promise<AdminAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>();
  const signal = AbortSignal.timeout(timeoutMs);
  const call = request({ socketPath, method, path, agent: false, signal }, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      body += text;
    });
    response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
    response.once("error", reject);
  });
  call.once("error", reject);
  call.end();
  return promise;
}

/** Whether Envoy has all that it waits for (CDS, EDS, LDS and what the listeners name) and is not draining. */
export async function isEnvoyReady(socketPath: string): Promise<boolean> {
  const answer = await askEnvoy(socketPath, { method: "GET", path: "/ready" }).catch(() => undefined);
  return answer?.status === 200;
}
