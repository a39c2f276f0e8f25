import type { Clock } from "../../shared/ports/clock.ts";

export interface ManualClock extends Clock {
  /** Lets time pass, with the callbacks that fall due in it. */
  pass(milliseconds: number): void;
  /** How many callbacks are still to come. */
  waiting(): number;
}

/** A clock for tests that stands still until it is moved. */
export function createManualClock(start = 1_700_000_000_000): ManualClock {
  let now = start;
  const due = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    monotonic: () => now,
    after(milliseconds, callback) {
      const timer = { at: now + milliseconds, callback };
      due.add(timer);
      return { [Symbol.dispose]: () => due.delete(timer) };
    },
    pass(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const [next] = [...due].sort((left, right) => left.at - right.at);
        if (next === undefined || next.at > end) break;
        due.delete(next);
        now = next.at;
        next.callback();
      }
      now = end;
    },
    waiting: () => due.size,
  };
}
