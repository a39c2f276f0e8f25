/** Forgets Events after an hour. */
import { coreEventKind, eventLife } from "../kinds/event.ts";
import type { World } from "../world.ts";

const sweepEvery = 60_000;

export function startEventExpiry(world: World): Disposable {
  const { store } = world;
  const timer = setInterval(() => {
    for (const { metadata } of store.list(coreEventKind.collection)) {
      const age = world.now() - Date.parse(metadata.creationTimestamp);
      if (age > eventLife) store.remove(coreEventKind.collection, metadata.namespace, metadata.name);
    }
  }, sweepEvery);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
