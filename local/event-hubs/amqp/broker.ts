import type { Clock } from "../../../shared/ports/clock.ts";
import type { HubNamespace } from "../namespace.ts";
import type { AccessKey } from "../shared-access-key.ts";

/** What every connection works on. */
export interface Broker {
  readonly namespace: HubNamespace;
  readonly keys: readonly AccessKey[];
  readonly clock: Clock;
  /** The largest transfer, in bytes. */
  readonly maxMessageBytes: number;
  /** Takes faults of our own (a full disk, a bug); users' mistakes go back to the client instead. */
  readonly report: (fault: Error) => void;
}
