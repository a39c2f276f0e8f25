/** What every app of the bookstore tells at `GET /raw`. Counts only grow while the app lives. */
export interface AppCounters {
  readonly app: string;
  /** Another value: the app was started anew, and its counts with it. */
  readonly startedAt: string;
  /** As a client: attempts that have ended. The sum of `succeeded` and `denied`. */
  readonly attempts: number;
  /** As a client: successes, by the identity that the answer gave. */
  readonly succeeded: Readonly<Record<string, number>>;
  /** As a client: what came instead, an HTTP status or a `Failure`. */
  readonly denied: Readonly<Record<string, number>>;
  /** As a server: what was done for clients, probes left out. */
  readonly served: number;
  /** Of a buyer, books bought; of a bookstore, books sold; of a warehouse or database, books in stock. */
  readonly books: number;
}

export interface Counters {
  serve(): void;
  succeed(identity: string): void;
  deny(how: string): void;
  /** Changes the number of books, and returns it. */
  addBooks(count: number): number;
  read(): AppCounters;
}

export function createCounters(app: string, startedAt = new Date().toISOString()): Counters {
  const succeeded = new Map<string, number>();
  const denied = new Map<string, number>();
  let [attempts, served, books] = [0, 0, 0];
  const count = (into: Map<string, number>, key: string): void => {
    attempts += 1;
    into.set(key, (into.get(key) ?? 0) + 1);
  };
  return {
    serve() {
      served += 1;
    },
    succeed: (identity) => count(succeeded, identity),
    deny: (how) => count(denied, how),
    addBooks(more) {
      books += more;
      return books;
    },
    read: () => ({
      app,
      startedAt,
      attempts,
      succeeded: Object.fromEntries(succeeded),
      denied: Object.fromEntries(denied),
      served,
      books,
    }),
  };
}
