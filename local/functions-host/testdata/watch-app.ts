import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Seen } from "./app.ts";

/** What the handlers of the tests' app saw, from now on. */
export interface AppWatch extends Disposable {
  readonly seen: readonly Seen[];
  /** The first that fits, once it is there; the test's own time limit ends the wait. */
  until(fits: (seen: Seen) => boolean): Promise<Seen>;
  /** Lets a handler go on that an event told to hold. */
  release(name: string): void;
}

export function watchApp(): AppWatch {
  const seen: Seen[] = [];
  let changed = Promise.withResolvers<void>();
  const onSeen = (message: unknown): void => {
    seen.push(message as Seen);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  subscribe("functions-host-test-app", onSeen);
  return {
    seen,
    async until(fits) {
      for (;;) {
        const found = seen.find(fits);
        if (found !== undefined) return found;
        await changed.promise;
      }
    },
    release: (name) => channel("functions-host-test-app-release").publish(name),
    [Symbol.dispose]() {
      unsubscribe("functions-host-test-app", onSeen);
    },
  };
}

/** The events of a batch, or the one event. */
export function inputs(seen: Seen): readonly unknown[] {
  return Array.isArray(seen.input) ? seen.input : [seen.input];
}

/** The partition that a hub's event came from. */
export function partitionOf(seen: Seen): string {
  const context = seen.metadata?.["partitionContext"];
  return typeof context === "object" && context !== null && "partitionId" in context ? String(context.partitionId) : "";
}
