import type { LeaseWatch } from "../replicas/lease-watch.ts";
import { type ModeNote, modeAnnotation, readModeNote } from "./mode-note.ts";

/** What the publisher says of the mode, as every replica sees it. */
export interface ModeWatch extends Disposable {
  readonly note: () => ModeNote | undefined;
  /** Resolves when the Lease was looked at once. */
  readonly known: Promise<void>;
  readonly isKnown: () => boolean;
}

export function startModeWatch(options: {
  readonly leases: Pick<LeaseWatch, "lease" | "listed" | "onChange">;
  /** Name of the publisher's Lease. */
  readonly lease: string;
  readonly onNote: () => void;
}): ModeWatch {
  const { leases, lease, onNote } = options;
  const read = (): string | undefined => leases.lease(lease)?.annotations[modeAnnotation];
  let text = read();
  const watching = leases.onChange((name) => {
    if (name !== lease || read() === text) return;
    text = read();
    onNote();
  });
  let isKnown = false;
  const known = leases.listed.then(() => {
    isKnown = true;
  });
  return {
    note: () => readModeNote(text),
    known,
    isKnown: () => isKnown,
    [Symbol.dispose]: () => watching[Symbol.dispose](),
  };
}
