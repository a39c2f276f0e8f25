/** Changes on their way from the store to the watches: at once, but for those that a fault befalls. */
import type { Clock } from "../../../shared/ports/clock.ts";
import type { FaultInjector } from "../../faults/fault-injector.ts";
import type { KubernetesFault } from "../faults.ts";
import type { Change, ObjectStore } from "../store/object-store.ts";

export interface Delivery {
  readonly change: Change;
  /** Watches of the change's collection end in place of hearing of it; `expire`: as if they were too old. */
  readonly instead: "close" | "expire" | undefined;
}

export interface WatchFeed extends Disposable {
  /** The newest revision of a collection that watches have heard of. */
  reached(collection: string): number;
  /** Calls back on each delivery, within a collection in the order of changes. */
  subscribe(listener: (delivery: Delivery) => void): () => void;
  /** Nothing that is still on its way arrives. */
  drop(): void;
}

interface Waiting extends Delivery {
  /** Milliseconds since 1970. */
  readonly due: number;
}

export function createWatchFeed(store: ObjectStore, faults: FaultInjector<KubernetesFault>, clock: Clock): WatchFeed {
  const listeners = new Set<(delivery: Delivery) => void>();
  const queues = new Map<string, Waiting[]>();
  const timers = new Set<Disposable>();

  const deliver = (delivery: Delivery): void => {
    for (const listener of listeners) listener(delivery);
  };
  const work = (queue: Waiting[]): void => {
    const now = clock.now();
    for (let head = queue[0]; head !== undefined && head.due <= now; head = queue[0]) {
      queue.shift();
      deliver(head);
    }
  };
  const wait = (queue: Waiting[], waiting: Waiting): void => {
    queue.push(waiting);
    // Timers may ring a moment before the clock says so.
    const timer = clock.after(waiting.due - clock.now() + 1, () => {
      timers.delete(timer);
      work(queue);
    });
    timers.add(timer);
  };
  const unsubscribe = store.subscribe((change) => {
    const { lag, instead } = befallen(faults, change);
    const queue = queues.get(change.collection) ?? [];
    queues.set(change.collection, queue);
    if (lag === 0 && queue.length === 0) deliver({ change, instead });
    else wait(queue, { change, instead, due: Math.max(clock.now() + lag, queue.at(-1)?.due ?? 0) });
  });
  const drop = (): void => {
    queues.clear();
    for (const timer of timers) timer[Symbol.dispose]();
    timers.clear();
  };
  return {
    reached(collection) {
      const head = queues.get(collection)?.[0];
      return head === undefined ? store.revision : head.change.revision - 1;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    drop,
    [Symbol.dispose]() {
      unsubscribe();
      drop();
    },
  };
}

/** @returns lag in milliseconds */
function befallen(
  faults: FaultInjector<KubernetesFault>,
  { type, collection, object }: Change,
): { lag: number; instead: Delivery["instead"] } {
  const { namespace, name } = object.metadata;
  const subject = { type, resource: collection, ...(namespace === undefined ? {} : { namespace }), name };
  let lag = 0;
  let instead: Delivery["instead"];
  for (const each of faults.befall("change", subject)) {
    if (each.fault === "lag") lag += each.milliseconds;
    else if (each.fault === "close" || each.fault === "expire") instead = each.fault;
  }
  return { lag, instead };
}
