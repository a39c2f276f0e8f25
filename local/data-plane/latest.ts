/** Work on the newest value only. */

import { setTimeout as pause } from "node:timers/promises";

export interface Latest<T> extends AsyncDisposable {
  /** Takes the place of a value that waits; never blocks. */
  readonly set: (value: T) => void;
}

const RETRY_MS = { first: 100, most: 5_000 };

/**
 * Runs `work` with the newest value, one run at a time. Values set during a run wait as one. A failed run is repeated,
 * with a growing pause, with the value that is newest by then; disposing ends the wait and gives up.
 */
export function createLatest<T>(work: (value: T) => Promise<void>, report: (line: string) => void): Latest<T> {
  const stop = new AbortController();
  let waiting: { readonly value: T } | undefined;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    let wait = RETRY_MS.first;
    while (waiting !== undefined && !stop.signal.aborted) {
      const taken = waiting;
      waiting = undefined;
      try {
        await work(taken.value);
        wait = RETRY_MS.first;
      } catch (error) {
        waiting ??= taken;
        report(error instanceof Error ? error.message : String(error));
        await pause(wait, undefined, { signal: stop.signal }).catch(() => {});
        wait = Math.min(wait * 2, RETRY_MS.most);
      }
    }
  };
  const start = (): void => {
    running ??= run().finally(() => {
      running = undefined;
      if (waiting !== undefined && !stop.signal.aborted) start();
    });
  };
  return {
    set(value) {
      waiting = { value };
      start();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
