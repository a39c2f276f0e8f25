/** One readiness check from inside the pod, as kubelet judges it. */

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { ProbeCheck, ProbeResult } from "./shim-messages.ts";

/** HTTP succeeds with a status of 200 to 399, TCP with a connection. Never rejects. */
export async function runProbe(check: ProbeCheck, timeoutMs: number): Promise<ProbeResult> {
  return check.kind === "tcp" ? probeTcp(check.port, timeoutMs) : probeHttp(check, timeoutMs);
}

async function probeTcp(port: number, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const socket = connect({ host: "127.0.0.1", port, timeout: timeoutMs });
  socket.once("connect", () => resolve({ ok: true, detail: "" }));
  socket.once("timeout", () => resolve({ ok: false, detail: `no connection to port ${port} in ${timeoutMs} ms` }));
  socket.once("error", (error) => resolve({ ok: false, detail: error.message }));
  return promise.finally(() => socket.destroy());
}

async function probeHttp(check: Extract<ProbeCheck, { kind: "http" }>, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const send = check.scheme === "https" ? httpsRequest : httpRequest;
  const request = send({
    host: "127.0.0.1",
    port: check.port,
    path: check.path,
    headers: { "user-agent": "kube-probe/weft", accept: "*/*", ...check.headers },
    agent: false,
    // kubelet does not check the certificate either.
    rejectUnauthorized: false,
  });
  const timer = setTimeout(() => {
    resolve({ ok: false, detail: `no answer from port ${check.port} in ${timeoutMs} ms` });
    request.destroy();
  }, timeoutMs);
  request.once("response", (response) => {
    const status = response.statusCode ?? 0;
    response.resume();
    const ok = status >= 200 && status < 400;
    resolve({ ok, detail: ok ? "" : `HTTP status ${status} from port ${check.port}${check.path}` });
  });
  request.once("error", (error) => resolve({ ok: false, detail: error.message }));
  request.end();
  return promise.finally(() => {
    clearTimeout(timer);
    request.destroy();
  });
}
