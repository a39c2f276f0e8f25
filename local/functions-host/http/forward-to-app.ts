import { type IncomingMessage, type ServerResponse, request as sendRequest } from "node:http";

export interface Forwarding {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The server that the library opened inside the app (the capability `HttpUri`, spec/azure.md §1.5.8). */
  readonly target: URL;
  readonly invocationId: string;
  /** Runs the function; resolves to whether it returned an answer. */
  invoke(): Promise<boolean>;
}

/** Headers that belong to one connection only. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Streams a request into the app and the answer out of it, while the invocation runs beside it: the two meet in the library by
 * the header `x-ms-invocation-id`. A handler that throws before it answered is a 500, one that answers nothing a 204.
 */
export async function forwardToApp(forwarding: Forwarding): Promise<void> {
  const { request, response, target, invocationId } = forwarding;
  const streamed = Promise.withResolvers<void>();
  const upstream = sendRequest({
    host: target.hostname,
    port: target.port,
    method: request.method,
    path: request.url,
    headers: {
      ...request.headers,
      "x-forwarded-host": request.headers.host ?? "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-ms-invocation-id": invocationId,
    },
  });
  upstream.on("response", (answer) => {
    response.statusCode = answer.statusCode ?? 502;
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined && !hopByHop.has(name)) response.setHeader(name, value);
    }
    response.flushHeaders();
    answer.pipe(response);
    answer.on("error", () => response.destroy());
    answer.on("close", () => streamed.resolve());
  });
  upstream.on("error", (error) => streamed.reject(error));
  request.pipe(upstream);
  response.on("close", () => {
    upstream.destroy();
    streamed.resolve();
  });
  try {
    const answered = await Promise.race([forwarding.invoke(), streamed.promise.then(() => true)]);
    if (answered) {
      await streamed.promise;
    } else {
      response.statusCode = 204;
      response.end();
    }
  } catch (thrown) {
    if (response.destroyed) return;
    if (!response.headersSent) {
      response.statusCode = 500;
      response.end();
    }
    throw thrown;
  } finally {
    streamed.promise.catch(() => undefined);
  }
}
