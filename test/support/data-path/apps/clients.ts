import { Agent, request } from "node:http";
import { connect } from "node:net";
import type { HttpCommand, HttpResult, TcpCommand, TcpResult, WebSocketCommand, WebSocketResult } from "./commands.ts";

/** `count` runs of a task, `concurrency` at a time; the worker's number is given. */
export async function repeat<T>(
  { count = 1, concurrency = 1 }: { readonly count?: number; readonly concurrency?: number },
  task: (worker: number) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  let started = 0;
  const work = async (worker: number): Promise<void> => {
    while (started < count) {
      started += 1;
      results.push(await task(worker));
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, (_, worker) => work(worker)));
  return results;
}

/** One request; never rejects. */
export async function sendRequest(command: HttpCommand, agent: Agent | false): Promise<HttpResult> {
  const { promise, resolve } = Promise.withResolvers<HttpResult>();
  const fail = (error: NodeJS.ErrnoException): void =>
    resolve({ status: 0, body: "", headers: {}, error: error.code ?? error.message });
  const call = request(
    command.url,
    { method: command.method ?? "GET", headers: { ...command.headers }, agent },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString(),
          headers: Object.fromEntries(Object.entries(response.headers).map(([key, value]) => [key, String(value)])),
        }),
      );
    },
  );
  call.on("error", fail);
  // A deadline for the whole answer, not for silence only.
  const timer = setTimeout(() => call.destroy(new Error("timeout")), command.timeoutMs ?? 10_000);
  call.end(command.body);
  return promise.finally(() => clearTimeout(timer));
}

export async function sendRequests(command: HttpCommand): Promise<readonly HttpResult[]> {
  const agent =
    command.keepAlive === true ? new Agent({ keepAlive: true, maxSockets: command.concurrency ?? 1 }) : false;
  const results = await repeat(command, () => sendRequest(command, agent));
  if (agent !== false) agent.destroy();
  return results;
}

/** One connection; never rejects. */
export async function openConnection(command: TcpCommand): Promise<TcpResult> {
  const { host, port, send, expectBytes = 1, timeoutMs = 10_000 } = command;
  const { promise, resolve } = Promise.withResolvers<TcpResult>();
  const start = performance.now();
  let received = "";
  let firstByteMs: number | undefined;
  const finish = (end: string): void => resolve({ received, end, ...(firstByteMs !== undefined && { firstByteMs }) });
  const socket = connect({ host, port });
  const timer = setTimeout(() => finish("timeout"), timeoutMs);
  socket.on("connect", () => {
    if (send !== undefined) socket.write(send);
  });
  socket.on("data", (bytes) => {
    firstByteMs ??= performance.now() - start;
    received += bytes.toString();
    if (received.length >= expectBytes) finish("answered");
  });
  socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  socket.on("close", () => finish("closed"));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** Never rejects. */
export async function talkWebSocket({ url, messages, timeoutMs = 10_000 }: WebSocketCommand): Promise<WebSocketResult> {
  const { promise, resolve } = Promise.withResolvers<WebSocketResult>();
  const received: string[] = [];
  const socket = new WebSocket(url);
  const timer = setTimeout(() => resolve({ received, error: "timeout" }), timeoutMs);
  const next = (): void => {
    const message = messages[received.length];
    if (message === undefined) resolve({ received });
    else socket.send(message);
  };
  socket.addEventListener("open", next);
  socket.addEventListener("message", ({ data }) => {
    received.push(String(data));
    next();
  });
  socket.addEventListener("error", () => resolve({ received, error: "the connection failed" }));
  socket.addEventListener("close", ({ code }) => resolve({ received, error: `closed with ${code}` }));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}
