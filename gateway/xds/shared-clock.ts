import type { Clock } from "../../shared/ports/clock.ts";

/** How long the time may stand still, in milliseconds: little beside what streams wait for. */
export const standstill = 20;

export interface SharedClock {
  /** Milliseconds; the same for a moment. */
  readonly now: () => number;
  /** The time as it is, from now on for all: for who was told to come at a time. */
  readonly move: () => number;
}

/**
 * Monotonic milliseconds that stand still for a moment: what happens to a thousand streams in it, which were all told the same or connect one after the other,
 * happens to all at the same time, and is worked out once.
 */
export function createSharedClock(clock: Pick<Clock, "monotonic">): SharedClock {
  let told = Number.NEGATIVE_INFINITY;
  const move = (): number => {
    told = clock.monotonic();
    return told;
  };
  return { now: () => (clock.monotonic() - told < standstill ? told : move()), move };
}
