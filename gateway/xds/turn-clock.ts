import type { Clock } from "../../shared/ports/clock.ts";

/**
 * Monotonic milliseconds that stand still within a turn of the event loop, as Node's timers see them: what happens to a thousand streams in one turn happens to
 * all at the same time, and is worked out once.
 */
export function createTurnClock(clock: Clock): () => number {
  let now: number | undefined;
  const end = (): void => {
    now = undefined;
  };
  return () => {
    if (now === undefined) {
      now = clock.monotonic();
      setImmediate(end);
    }
    return now;
  };
}
