import { type App, answer, startHttpServer, startRawServer } from "./app-server.ts";
import { createCaller } from "./caller.ts";
import { createCounters } from "./counters.ts";

export interface BookstoreOptions {
  /** Said in the header `Identity` of every answer: `bookstore-v1` or `bookstore-v2`. */
  readonly identity: string;
  readonly port: number;
  readonly rawPort: number;
  readonly bookwarehouse: URL;
  readonly timeoutMs: number;
}

const probes: ReadonlySet<string> = new Set(["/liveness", "/readiness", "/startup"]);
/** Restocking that has not been answered; what comes on top is left out, as the warehouse is told again at the next sale. */
const restocksAtOnce = 16;

/** Sells books, and has the warehouse send one for each, without letting the buyer wait for it. */
export async function startBookstore(options: BookstoreOptions): Promise<App> {
  const counters = createCounters(options.identity);
  await using building = new AsyncDisposableStack();
  const caller = building.use(createCaller({ connections: 4, timeoutMs: options.timeoutMs }));
  const raw = building.use(await startRawServer(options.rawPort, counters));
  const restocking = new Set<Promise<void>>();
  const restock = async (): Promise<void> => {
    const outcome = await caller.post(new URL("/restock-books", options.bookwarehouse), "1");
    if (outcome.kind === "failed") counters.deny(outcome.failure);
    else if (outcome.status !== 200) counters.deny(String(outcome.status));
    else counters.succeed("bookwarehouse");
  };
  const server = building.use(
    await startHttpServer(options.port, ({ method, url = "" }, response) => {
      if (probes.has(url)) {
        answer(response, 200);
        return;
      }
      counters.serve();
      const isSale = method === "GET" && url === "/buy-a-book/new";
      if (!isSale && url !== "/books-bought") {
        answer(response, 404);
        return;
      }
      const sold = counters.addBooks(isSale ? 1 : 0);
      response.setHeader("identity", options.identity);
      response.setHeader("booksbought", String(sold));
      answer(response, 200);
      if (!isSale || restocking.size >= restocksAtOnce) return;
      const restocked = restock().finally(() => restocking.delete(restocked));
      restocking.add(restocked);
    }),
  );
  const standing = building.move();
  return { port: server.port, rawPort: raw.port, [Symbol.asyncDispose]: () => standing.disposeAsync() };
}
