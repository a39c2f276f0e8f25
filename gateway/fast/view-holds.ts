import type { ClassGroup } from "./class-group.ts";

/** Who is held, what for, and no longer than the limit from when the hold began. */
export interface Holds<Key> {
  readonly has: (key: Key) => boolean;
  readonly size: () => number;
  readonly keys: () => readonly Key[];
  /**
   * Begins a hold, or changes what it waits for. Before anything is said of that it waits for the limit alone. `over` is called when the limit is reached, for a
   * hold that begins here.
   */
  readonly hold: (key: Key, what: { readonly awaits?: readonly ClassGroup[]; readonly over?: () => void }) => void;
  readonly awaited: (key: Key) => readonly ClassGroup[];
  /** Those that wait for none but these. */
  readonly ready: (isDone: (group: ClassGroup) => boolean) => readonly Key[];
  readonly drop: (key: Key) => void;
}

interface Hold {
  readonly awaits: readonly ClassGroup[] | undefined;
  readonly timer: NodeJS.Timeout;
}

/** `limit`: milliseconds. */
export function createHolds<Key>(limit: number): Holds<Key> {
  const holds = new Map<Key, Hold>();
  return {
    has: (key) => holds.has(key),
    size: () => holds.size,
    keys: () => [...holds.keys()],
    hold(key, { awaits, over = () => undefined }) {
      const before = holds.get(key);
      const timer = before?.timer ?? setTimeout(over, limit).unref();
      holds.set(key, { awaits: awaits ?? before?.awaits, timer });
    },
    awaited: (key) => holds.get(key)?.awaits ?? [],
    ready: (isDone) => [...holds].flatMap(([key, { awaits }]) => (awaits?.every(isDone) === true ? [key] : [])),
    drop(key) {
      if (holds.size === 0) return; // as a rule
      clearTimeout(holds.get(key)?.timer);
      holds.delete(key);
    },
  };
}
