import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpCookie, HttpData, TypedData } from "../app/core-api.ts";
import type { Invoked } from "../app/invoke.ts";
import { jsonData } from "../app/typed-data.ts";
import { FunctionsHostError, firstLine } from "../functions-host-error.ts";
import { forwardToApp } from "./forward-to-app.ts";
import { findHttpFunction, type HttpFunction } from "./http-functions.ts";

export interface HttpServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly functions: readonly HttpFunction[];
  readonly hostKey: string;
  /** Where the app takes streamed requests (the capability `HttpUri`); `undefined` when it does not stream. */
  readonly streamTo: string | undefined;
  /** The answer of `/admin/host/status`. */
  status(): unknown;
  invoke(request: HttpInvocation): Promise<Invoked>;
  log(message: string): void;
}

interface HttpInvocation {
  readonly functionName: string;
  readonly invocationId: string;
  readonly data: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
  /** Fires when the client has left. */
  readonly abandoned?: AbortSignal;
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
}

/** The largest request body, as on the platform. */
const largestBody = 100 * 1024 * 1024;

/**
 * Serves the HTTP functions and `/admin/host/status` on loopback. Disposing it takes nothing new, cuts answers that are being
 * streamed, and waits for the others.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const streaming = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    answer(options, { request, response, streaming }).catch((thrown: unknown) => {
      options.log(`${request.method ?? ""} ${request.url ?? ""}: ${firstLine(thrown)}`);
      if (response.headersSent) response.destroy();
      else end(response, 500);
    });
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeIdleConnections();
      for (const response of streaming) response.destroy();
      await promise;
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error) =>
    reject(new FunctionsHostError("connection-failed", `Port ${port} cannot be used: ${firstLine(error)}`)),
  );
  server.listen(port, "127.0.0.1", resolve);
  await promise;
}

async function answer(
  options: HttpServerOptions,
  exchange: { request: IncomingMessage; response: ServerResponse; streaming: Set<ServerResponse> },
): Promise<void> {
  const { request, response, streaming } = exchange;
  const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "127.0.0.1"}`);
  const method = request.method ?? "GET";
  if (url.pathname === "/admin/host/status" && method === "GET") {
    response.setHeader("content-type", "application/json");
    end(response, 200, JSON.stringify(options.status()));
    return;
  }
  const header = request.headers["x-functions-key"];
  const key = typeof header === "string" ? header : (url.searchParams.get("code") ?? undefined);
  const found = findHttpFunction(options.functions, { method, path: url.pathname, key }, options.hostKey);
  if (found.kind !== "found") {
    request.resume();
    end(response, found.kind === "unauthorized" ? 401 : 404);
    return;
  }
  const headers = flattenHeaders(request);
  const metadata: Record<string, TypedData> = {
    Headers: jsonData(headers),
    Query: jsonData(Object.fromEntries(url.searchParams)),
  };
  for (const [name, value] of Object.entries(found.parameters)) metadata[name] = { string: value };
  const invocation = { functionName: found.name, invocationId: randomUUID(), metadata };

  if (options.streamTo !== undefined) {
    streaming.add(response);
    const left = new AbortController();
    response.once("close", () => {
      streaming.delete(response);
      left.abort();
    });
    const data = { http: { method, url: url.href } };
    const invoke = async (): Promise<boolean> =>
      (await options.invoke({ ...invocation, data, abandoned: left.signal })).answered;
    await forwardToApp({
      request,
      response,
      target: new URL(options.streamTo),
      invocationId: invocation.invocationId,
      invoke,
    });
    return;
  }
  const body = await readBody(request);
  if (body === undefined) {
    end(response, 413);
    return;
  }
  const http: HttpData = {
    method,
    url: url.href,
    headers,
    query: Object.fromEntries(url.searchParams),
    params: found.parameters,
    body: body.length === 0 ? null : { bytes: body },
  };
  const { response: result } = await options.invoke({ ...invocation, data: { http } });
  sendResult(response, result.returnValue?.http);
}

/** The body, `undefined` when it is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > largestBody) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function flattenHeaders(request: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && value !== "") flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}

/** Writes what the handler returned; nothing returned is 204. */
function sendResult(response: ServerResponse, result: HttpData | undefined): void {
  if (result === undefined) {
    end(response, 204);
    return;
  }
  for (const [name, value] of Object.entries(result.headers ?? {})) response.setHeader(name, value);
  const cookies = (result.cookies ?? []).map(serialiseCookie);
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  end(response, Number(result.statusCode ?? 200), result.body?.bytes ?? result.body?.string);
}

const sameSiteNames: Readonly<Record<string, string>> = { "1": "Lax", "2": "Strict", "3": "None" };

function serialiseCookie(cookie: HttpCookie): string {
  const seconds = cookie.expires?.value?.seconds;
  const sameSite = sameSiteNames[String(cookie.sameSite)];
  const parts = [
    `${cookie.name}=${encodeURIComponent(cookie.value)}`,
    cookie.maxAge?.value === undefined ? undefined : `Max-Age=${cookie.maxAge.value}`,
    cookie.domain?.value === undefined ? undefined : `Domain=${cookie.domain.value}`,
    cookie.path?.value === undefined ? undefined : `Path=${cookie.path.value}`,
    seconds === undefined ? undefined : `Expires=${new Date(seconds * 1000).toUTCString()}`,
    cookie.httpOnly?.value === true ? "HttpOnly" : undefined,
    cookie.secure?.value === true ? "Secure" : undefined,
    sameSite === undefined ? undefined : `SameSite=${sameSite}`,
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}

function end(response: ServerResponse, status: number, body?: string | Uint8Array): void {
  response.statusCode = status;
  response.end(body);
}
