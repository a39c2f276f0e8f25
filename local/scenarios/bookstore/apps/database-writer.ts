import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { failureOf } from "./caller.ts";
import type { Counters } from "./counters.ts";
import { linesOf } from "./lines.ts";
import { createNameCache } from "./name-cache.ts";

export interface DatabaseWriterOptions {
  readonly host: string;
  readonly port: number;
  /** For the greeting and for each answer. */
  readonly timeoutMs: number;
  readonly counters: Counters;
}

export interface DatabaseWriter extends AsyncDisposable {
  /** What cannot be written yet is added up and written with the next that can. */
  add(books: number): void;
}

const retryMs = 100;

/** Writes through one kept connection, one write at a time. Each try counts; one without an answer is not repeated. */
export function startDatabaseWriter(options: DatabaseWriterOptions): DatabaseWriter {
  const { counters } = options;
  const stop = new AbortController();
  const lookup = createNameCache();
  let session: Session | undefined;
  let pending = 0;
  let wake = Promise.withResolvers<void>();

  const writeOnce = async (): Promise<void> => {
    session ??= await openSession({ ...options, lookup, signal: stop.signal });
    const books = pending;
    pending = 0;
    await session.ask(`ADD ${books}`);
    counters.succeed("mysql");
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      if (pending === 0) await wake.promise;
      wake = Promise.withResolvers();
      if (pending === 0 || stop.signal.aborted) continue;
      try {
        await writeOnce();
      } catch (error) {
        session?.[Symbol.dispose]();
        session = undefined;
        if (stop.signal.aborted) return;
        counters.deny(failureOf(error as NodeJS.ErrnoException));
        await pause(retryMs, undefined, { signal: stop.signal }).catch(() => {});
      }
    }
  };
  const running = run();
  return {
    add(books) {
      pending += books;
      wake.resolve();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake.resolve();
      session?.[Symbol.dispose]();
      await running;
    },
  };
}

interface Session extends Disposable {
  /** Throws when the connection ends, or the answer is late or an error. */
  ask(command: string): Promise<string>;
}

/** Connected and greeted: the server speaks first, and nothing may be sent before that. */
async function openSession(
  options: DatabaseWriterOptions & {
    readonly lookup: ReturnType<typeof createNameCache>;
    readonly signal: AbortSignal;
  },
): Promise<Session> {
  const { host, port, lookup, signal, timeoutMs } = options;
  const socket = connect({ host, port, lookup, family: 4, autoSelectFamily: false });
  const nextLine = readLines(socket, { timeoutMs, signal });
  const session: Session = {
    async ask(command) {
      socket.write(`${command}\n`);
      const line = await nextLine();
      if (line.startsWith("ERROR")) throw Object.assign(new Error(line), { code: "rejected" });
      return line;
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
  try {
    await nextLine();
    return session;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function readLines(
  socket: Socket,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): () => Promise<string> {
  const lines = linesOf(socket);
  const { promise: lost, reject } = Promise.withResolvers<never>();
  // Also waited for while nothing is asked, so that an end in between is not an unhandled rejection.
  lost.catch(() => {});
  socket.once("error", reject);
  socket.once("close", () => reject(Object.assign(new Error("the connection ended"), { code: "ECONNRESET" })));
  return async () => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const [line] = (await Promise.race([once(lines, "line", { signal: limit }), lost])) as [string];
      return line;
    } catch (error) {
      if (limit.aborted) throw Object.assign(new Error("no answer in time", { cause: error }), { code: "ETIMEDOUT" });
      throw error;
    }
  };
}
