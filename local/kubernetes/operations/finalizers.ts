import type { KubernetesObject } from "../object.ts";
import type { World } from "../world.ts";
import { isFinished } from "./update.ts";

/** Takes a finalizer off an object, and removes the object when it was the last that held it. */
export function releaseFinalizer(world: World, collection: string, object: KubernetesObject, finalizer: string): void {
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const { finalizers: _, ...metadata } = object.metadata;
  const next = { ...object, metadata: finalizers.length === 0 ? metadata : { ...metadata, finalizers } };
  if (isFinished(next)) world.store.remove(collection, metadata.namespace, metadata.name);
  else world.store.put(collection, next);
}
