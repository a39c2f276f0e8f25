import type { KubernetesObject as AnyObject, KubernetesClient } from "../../gateway/kubernetes/client.ts";
import { type Collection, startListWatch } from "../../gateway/kubernetes/list-watch.ts";
import { type KubernetesObject, keyOf } from "./kubernetes-objects.ts";

/** Keeps a copy of all objects of one kind. */
export interface ObjectCache<T extends KubernetesObject> extends AsyncDisposable {
  /** By `namespace/name`; the newest known state of each. */
  readonly objects: ReadonlyMap<string, T>;
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;
}

export interface ObjectCacheOptions<T extends KubernetesObject> {
  readonly client: KubernetesClient;
  readonly collection: Collection;
  /** Called after each change: the object as it is, or as it was when `gone`. A list is whole before it is told of. */
  readonly onChange: (object: T, gone: boolean) => void;
  readonly report: (line: string) => void;
}

export function startObjectCache<T extends KubernetesObject>(options: ObjectCacheOptions<T>): ObjectCache<T> {
  const { client, collection, onChange, report } = options;
  const objects = new Map<string, T>();
  const synced = Promise.withResolvers<void>();
  const watch = startListWatch(client, collection, {
    replaced(list) {
      const items = new Map((list as unknown as readonly T[]).map((item) => [keyOf(item), item]));
      const gone = [...objects].filter(([key]) => !items.has(key)).map(([, item]) => item);
      const changed = [...items].filter(
        ([key, { metadata }]) => objects.get(key)?.metadata.resourceVersion !== metadata.resourceVersion,
      );
      objects.clear();
      for (const [key, item] of items) objects.set(key, item);
      for (const item of gone) onChange(item, true);
      for (const [, item] of changed) onChange(item, false);
      synced.resolve();
    },
    applied(object: AnyObject) {
      const item = object as unknown as T;
      objects.set(keyOf(item), item);
      onChange(item, false);
    },
    deleted(object: AnyObject) {
      const item = object as unknown as T;
      objects.delete(keyOf(item));
      onChange(item, true);
    },
    fault: (error) => report(`${collection.plural}: ${error.message}`),
  });
  return { objects, synced: synced.promise, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() };
}
