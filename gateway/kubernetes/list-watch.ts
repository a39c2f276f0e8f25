import { setTimeout as delay } from "node:timers/promises";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { backoff } from "../../shared/shell/retry.ts";
import { type KubernetesClient, type KubernetesObject, KubernetesRefusal } from "./client.ts";

/** A collection across all namespaces. */
export interface Collection {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

export interface ListWatchHandlers {
  /** The whole collection; what is not in it is gone. */
  readonly replaced: (objects: readonly KubernetesObject[]) => void;
  readonly applied: (object: KubernetesObject) => void;
  readonly deleted: (object: KubernetesObject) => void;
  /** A list or watch failed and is tried again; or the collection's kind is not installed (`absent`), which counts as empty. */
  readonly fault: (error: Error) => void;
}

export interface ListWatch extends AsyncDisposable {
  /** A fresh consistent list, from now on; ends when `replaced` was called with it. */
  relist(): Promise<void>;
}

const retry = { baseDelay: 100, maxDelay: 10_000 };
/** How long the kind of an absent CRD is left alone before it is asked for again. Milliseconds. */
const absentDelay = 2000;

/**
 * Follows one collection: consistent list, then a watch from its resourceVersion with bookmarks. 410 or a broken history: a new list; other faults: the
 * watch again from where it was, with jittered back-off.
 */
export function startListWatch(
  client: KubernetesClient,
  collection: Collection,
  handlers: ListWatchHandlers,
): ListWatch {
  const root =
    collection.group === "" ? `/api/${collection.version}` : `/apis/${collection.group}/${collection.version}`;
  const path = `${root}/${collection.plural}`;
  const stop = new AbortController();
  const listed = new Set<PromiseWithResolvers<void>>();
  let round = new AbortController();
  let from: string | undefined;

  const list = async (signal: AbortSignal): Promise<void> => {
    const waiting = [...listed];
    const found = await readList(client, { path, collection, signal });
    from = found.resourceVersion;
    handlers.replaced(found.items);
    for (const waiter of waiting) {
      listed.delete(waiter);
      waiter.resolve();
    }
    if (found.resourceVersion === undefined) await delay(absentDelay, undefined, { signal });
  };
  const watch = async (signal: AbortSignal, resourceVersion: string): Promise<void> => {
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${encodeURIComponent(resourceVersion)}`;
    await client.watch(`${path}?${query}`, signal, (line) => {
      const { type, object } = JSON.parse(line) as WatchLine;
      if (type === "ERROR")
        throw new KubernetesRefusal(object.code ?? 500, object.reason ?? "", object.message ?? "watch error");
      if (object.metadata.resourceVersion !== undefined) from = object.metadata.resourceVersion;
      if (type === "ADDED" || type === "MODIFIED") handlers.applied(withKind(object, collection));
      else if (type === "DELETED") handlers.deleted(withKind(object, collection));
    });
  };
  const run = async (): Promise<void> => {
    for (let failures = 0; !stop.signal.aborted; ) {
      round = new AbortController();
      const signal = AbortSignal.any([stop.signal, round.signal]);
      try {
        if (from === undefined || listed.size > 0) await list(signal);
        if (from !== undefined) await watch(signal, from);
        failures = 0;
      } catch (error) {
        if (signal.aborted) continue; // stopped, or told to list anew
        if (error instanceof KubernetesRefusal && (error.status === 410 || error.status === 504)) from = undefined;
        handlers.fault(MeshError.from(error));
        failures++;
        await delay(backoff(failures, retry), undefined, { signal }).catch(ignoreAbort);
      }
    }
  };
  const running = run();
  return {
    relist() {
      const waiter = Promise.withResolvers<void>();
      listed.add(waiter);
      round.abort();
      return waiter.promise;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      for (const waiter of listed) waiter.reject(new MeshError("unavailable", "stopped"));
      await running;
    },
  };
}

interface WatchLine {
  readonly type: string;
  readonly object: KubernetesObject & { readonly code?: number; readonly reason?: string; readonly message?: string };
}

interface FoundList {
  readonly items: readonly KubernetesObject[];
  /** Undefined when the kind is not installed. */
  readonly resourceVersion: string | undefined;
}

async function readList(
  client: KubernetesClient,
  {
    path,
    collection,
    signal,
  }: { readonly path: string; readonly collection: Collection; readonly signal: AbortSignal },
): Promise<FoundList> {
  try {
    // No resourceVersion: a consistent read, never a cache that may lag.
    const list = await client.call<{
      readonly metadata: { readonly resourceVersion: string };
      readonly items: readonly KubernetesObject[];
    }>({ path, signal });
    return {
      items: list.items.map((item) => withKind(item, collection)),
      resourceVersion: list.metadata.resourceVersion,
    };
  } catch (error) {
    if (error instanceof KubernetesRefusal && error.status === 404) return { items: [], resourceVersion: undefined };
    throw error;
  }
}

/** Items of a list come without apiVersion and kind. */
function withKind(object: KubernetesObject, { group, version, kind }: Collection): KubernetesObject {
  return { ...object, apiVersion: group === "" ? version : `${group}/${version}`, kind };
}

function ignoreAbort(): void {
  // the wait ended because somebody stopped it or wants a list; the loop sees which
}
