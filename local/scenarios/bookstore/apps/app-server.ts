import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type ListeningServer, listen } from "../../../../shared/shell/listening-server.ts";
import type { Counters } from "./counters.ts";

/** An app that runs. */
export interface App extends AsyncDisposable {
  /** Where its clients call it; undefined for an app that nobody calls. */
  readonly port?: number;
  /** Where `GET /raw` is answered. */
  readonly rawPort: number;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Port 0 takes a free one. */
export function startHttpServer(port: number, handle: Handler): Promise<ListeningServer> {
  const server = createServer((request, response) => {
    // The client went away in the middle of its request; there is nobody to answer.
    Promise.resolve(handle(request, response)).catch(() => response.destroy());
  });
  // Longer than any client keeps a connection, so that it is never this side that closes one.
  server.keepAliveTimeout = 120_000;
  return listen(server, { port });
}

/** The counters, for people and for the demo: `GET /raw` as JSON. */
export function startRawServer(port: number, counters: Counters): Promise<ListeningServer> {
  return startHttpServer(port, (request, response) => {
    if (request.url !== "/raw" && request.url !== "/") {
      answer(response, 404);
      return;
    }
    response.setHeader("content-type", "application/json");
    answer(response, 200, `${JSON.stringify(counters.read(), undefined, 2)}\n`);
  });
}

export function answer(response: ServerResponse, status: number, body = ""): void {
  response.statusCode = status;
  response.end(body);
}
