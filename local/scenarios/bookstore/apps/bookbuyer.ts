import { setTimeout as pause } from "node:timers/promises";
import { type App, startRawServer } from "./app-server.ts";
import { type Caller, createCaller, type Outcome } from "./caller.ts";
import { type Counters, createCounters } from "./counters.ts";

export interface BookbuyerOptions {
  /** `bookbuyer`, `bookthief` or another name: the program is the same, and so is what it sends. */
  readonly app: string;
  readonly bookstore: URL;
  readonly rawPort: number;
  readonly roundsPerSecond: number;
  readonly timeoutMs: number;
}

/** Both apps send these, so nothing but the identity of its certificate tells the thief from the buyer. */
const headers = { "user-agent": "Go-http-client/1.1", "client-app": "bookbuyer" };
const paths = ["/books-bought", "/buy-a-book/new"] as const;

/** Asks for the number of books bought and buys one, round after round; late rounds are left out, not made up for. */
export async function startBookbuyer(options: BookbuyerOptions): Promise<App> {
  const counters = createCounters(options.app);
  await using building = new AsyncDisposableStack();
  const raw = building.use(await startRawServer(options.rawPort, counters));
  const caller = building.use(createCaller({ connections: 1, timeoutMs: options.timeoutMs }));
  const stop = new AbortController();
  const walking = walkRounds({ options, caller, counters, signal: stop.signal });
  building.defer(async () => {
    stop.abort();
    await walking;
  });
  const standing = building.move();
  return { rawPort: raw.port, [Symbol.asyncDispose]: () => standing.disposeAsync() };
}

async function walkRounds(walk: {
  readonly options: BookbuyerOptions;
  readonly caller: Caller;
  readonly counters: Counters;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { options, caller, counters, signal } = walk;
  const period = 1_000 / options.roundsPerSecond;
  let next = performance.now();
  while (!signal.aborted) {
    for (const path of paths) {
      const outcome = await caller.get(new URL(path, options.bookstore), headers);
      count(counters, outcome);
      if (path === "/buy-a-book/new" && isSuccess(outcome)) counters.addBooks(1);
    }
    next = Math.max(next + period, performance.now());
    await pause(Math.max(next - performance.now(), 0), undefined, { signal }).catch(() => {});
  }
}

function count(counters: Counters, outcome: Outcome): void {
  if (isSuccess(outcome)) counters.succeed(outcome.identity);
  else counters.deny(outcome.kind === "failed" ? outcome.failure : String(outcome.status));
}

/** An answer counts only when it says which bookstore gave it. */
function isSuccess(outcome: Outcome): outcome is Outcome & { readonly kind: "answered"; readonly identity: string } {
  return outcome.kind === "answered" && outcome.status === 200 && outcome.identity?.startsWith("bookstore-v") === true;
}
