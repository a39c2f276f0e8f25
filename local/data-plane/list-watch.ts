/** Keeps a copy of all objects of one kind. */

import { setTimeout as pause } from "node:timers/promises";
import { type KubernetesClient, KubernetesError } from "./kubernetes-client.ts";
import { type KubernetesObject, keyOf } from "./kubernetes-objects.ts";

export interface ListWatch<T extends KubernetesObject> extends AsyncDisposable {
  /** By `namespace/name`; the newest known state of each. */
  readonly objects: ReadonlyMap<string, T>;
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;
}

export interface ListWatchOptions<T extends KubernetesObject> {
  readonly client: KubernetesClient;
  /** Collection of the kind over all namespaces, for example `/api/v1/pods`. */
  readonly path: string;
  /** Called after each change: the object as it is, or as it was when `gone`. Not called before the first list is whole. */
  readonly onChange: (object: T, gone: boolean) => void;
  readonly report: (line: string) => void;
}

const RETRY_MS = { first: 100, most: 5_000 };
const SHORT_WATCH_MS = 1_000;

/** Lists, then watches; lists again whenever the watch breaks, with a growing, jittered pause while the API is away. */
export function startListWatch<T extends KubernetesObject>(options: ListWatchOptions<T>): ListWatch<T> {
  const objects = new Map<string, T>();
  const synced = Promise.withResolvers<void>();
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    let wait = RETRY_MS.first;
    while (!stop.signal.aborted) {
      try {
        let version = await replaceAll(options, objects, stop.signal);
        synced.resolve();
        wait = RETRY_MS.first;
        while (!stop.signal.aborted) {
          const begun = Date.now();
          version = await follow(options, { objects, version, signal: stop.signal });
          // A server that ends watches as soon as they begin is not asked in a tight loop.
          if (Date.now() - begun < SHORT_WATCH_MS) await pause(wait, undefined, { signal: stop.signal });
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        const expired = error instanceof KubernetesError && error.status === 410;
        if (!expired) options.report(`${options.path}: ${error instanceof Error ? error.message : String(error)}`);
        await pause(wait * (0.5 + Math.random() / 2), undefined, { signal: stop.signal }).catch(() => {});
        wait = Math.min(wait * 2, RETRY_MS.most);
      }
    }
  };
  const running = run();
  return {
    objects,
    synced: synced.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

interface List<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[] | null;
}

async function replaceAll<T extends KubernetesObject>(
  { client, path, onChange }: ListWatchOptions<T>,
  objects: Map<string, T>,
  signal: AbortSignal,
): Promise<string> {
  const list = (await client.call({ method: "GET", path, signal })) as List<T>;
  const items = new Map((list.items ?? []).map((item) => [keyOf(item), item]));
  const gone = [...objects].filter(([key]) => !items.has(key));
  const changed = [...items].filter(([key, item]) => {
    return objects.get(key)?.metadata.resourceVersion !== item.metadata.resourceVersion;
  });
  for (const [key] of gone) objects.delete(key);
  for (const [key, item] of items) objects.set(key, item);
  for (const [, item] of gone) onChange(item, true);
  for (const [, item] of changed) onChange(item, false);
  return list.metadata.resourceVersion;
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T & { readonly code?: number; readonly message?: string };
}

/** One watch from `version` on until the server ends it; returns the version to go on from. */
async function follow<T extends KubernetesObject>(
  { client, path, onChange }: ListWatchOptions<T>,
  { objects, version, signal }: { objects: Map<string, T>; version: string; signal: AbortSignal },
): Promise<string> {
  let last = version;
  const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=${encodeURIComponent(version)}`;
  for await (const line of client.lines(`${path}?${query}`, signal)) {
    const { type, object } = JSON.parse(line) as WatchEvent<T>;
    if (type === "ERROR") throw new KubernetesError(object.code ?? 500, object.message ?? "the watch failed");
    last = object.metadata.resourceVersion ?? last;
    if (type === "BOOKMARK") continue;
    const key = keyOf(object);
    if (type === "DELETED") objects.delete(key);
    else objects.set(key, object);
    onChange(object, type === "DELETED");
  }
  return last;
}
