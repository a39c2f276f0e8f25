import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { type App, answer, startHttpServer, startRawServer } from "./app-server.ts";
import { createCounters } from "./counters.ts";
import { startDatabaseWriter } from "./database-writer.ts";

export interface BookwarehouseOptions {
  readonly port: number;
  readonly rawPort: number;
  readonly database: { readonly host: string; readonly port: number };
  readonly timeoutMs: number;
}

/** Takes restocking orders and keeps the total in the database. */
export async function startBookwarehouse(options: BookwarehouseOptions): Promise<App> {
  const counters = createCounters("bookwarehouse");
  await using building = new AsyncDisposableStack();
  const writer = building.use(startDatabaseWriter({ ...options.database, timeoutMs: options.timeoutMs, counters }));
  const raw = building.use(await startRawServer(options.rawPort, counters));
  const server = building.use(
    await startHttpServer(options.port, async (request, response) => {
      if (request.url === "/readiness") {
        answer(response, 200);
        return;
      }
      counters.serve();
      const ordered = request.method === "POST" && request.url === "/restock-books" ? await readOrder(request) : 0;
      if (ordered === 0) {
        answer(response, 400);
        return;
      }
      counters.addBooks(ordered);
      writer.add(ordered);
      response.setHeader("identity", "bookwarehouse");
      answer(response, 200);
    }),
  );
  const standing = building.move();
  return { port: server.port, rawPort: raw.port, [Symbol.asyncDispose]: () => standing.disposeAsync() };
}

const longestOrder = 9;

/** 0 for a body that is no number of books. */
async function readOrder(request: IncomingMessage): Promise<number> {
  const body = (await text(request)).trim();
  return body.length <= longestOrder && /^\d+$/.test(body) ? Number(body) : 0;
}
