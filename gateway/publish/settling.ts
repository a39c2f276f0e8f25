import { isAfter, type Position } from "../../shared/core/events/cluster-event.ts";

/** Whether what was sent arrives in the head, in time. All times are of one monotonic clock, in milliseconds. */
export interface Settling {
  /** Sent up to here. */
  readonly sent: (position: Position, now: number) => void;
  /** When to read the head next; infinity while nothing is open. */
  readonly checkAt: () => number;
  /** The head holds everything up to `applied`. `late`: it has not moved for too long. */
  readonly read: (applied: Position, now: number) => "settled" | "open" | "late";
  /** Everything was in the head at least once. */
  readonly wasSettled: () => boolean;
}

/** `interval`: between two reads of the head while something is open; `limit`: how long it may stay so. The first read is due at once. */
export function createSettling(
  settings: { readonly interval: number; readonly limit: number },
  start: { readonly position: Position; readonly now: number },
): Settling {
  let newest = start.position;
  /** A position that the head is not known to hold, and since when it is waited for. */
  let open: { readonly position: Position; readonly since: number } | undefined = {
    position: newest,
    since: start.now,
  };
  let checkAt = start.now;
  let wasSettled = false;
  return {
    sent(position, now) {
      newest = position;
      if (open !== undefined) return;
      open = { position, since: now };
      checkAt = now + settings.interval;
    },
    checkAt: () => (open === undefined ? Number.POSITIVE_INFINITY : checkAt),
    read(applied, now) {
      checkAt = now + settings.interval;
      if (!isAfter(newest, applied)) {
        open = undefined;
        wasSettled = true;
        return "settled";
      }
      if (open === undefined || !isAfter(open.position, applied)) {
        open = { position: newest, since: now }; // the head moves on, behind changes that keep coming
        return "open";
      }
      return now - open.since > settings.limit ? "late" : "open";
    },
    wasSettled: () => wasSettled,
  };
}
