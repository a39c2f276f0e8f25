import type { Hubs } from "./address.ts";

/** What every connection works on. */
export interface Broker {
  readonly hubs: Hubs;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Takes faults of our own (a full disk, a bug); users' mistakes go back to the client instead. */
  readonly report: (fault: Error) => void;
}
