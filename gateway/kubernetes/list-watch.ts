import { MeshError } from "../../shared/shell/mesh-error.ts";
import { pause } from "../../shared/shell/pause.ts";
import { backoff } from "../../shared/shell/retry.ts";
import {
  isRefusal,
  type KubernetesClient,
  type KubernetesObject,
  KubernetesRefusal,
  type ListPages,
  type ObjectList,
} from "./client.ts";

/** A collection, across all namespaces or in one; of all objects, or of the one with a name. */
export interface Collection {
  readonly group: string;
  readonly version: string;
  /** Asked for, in this order, where the cluster does not serve `version`. */
  readonly olderVersions?: readonly string[];
  readonly plural: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name?: string;
}

export interface ListWatchHandlers {
  /** What is kept of an object of a list, asked as it arrives; all of it when absent. */
  readonly keep?: (object: KubernetesObject) => KubernetesObject;
  /** The whole collection; what is not in it is gone. A kind that is not installed counts as empty. */
  readonly replaced: (objects: readonly KubernetesObject[]) => void;
  readonly applied: (object: KubernetesObject) => void;
  readonly deleted: (object: KubernetesObject) => void;
  /** A list or watch failed and is tried again. */
  readonly fault: (error: Error) => void;
}

export interface ListWatch extends AsyncDisposable {
  /** A fresh consistent list, from now on; ends when `replaced` was called with it. */
  relist(): Promise<void>;
}

const retry = { baseDelay: 100, maxDelay: 10_000 };
/** How long the kind of an absent CRD is left alone before it is asked for again. Milliseconds. */
const absentDelay = 2000;

/** Where a watch goes on: after this resourceVersion of this version of the kind. */
interface Place {
  readonly version: string;
  readonly resourceVersion: string;
}

/**
 * Follows one collection: consistent list, then a watch from its resourceVersion with bookmarks. 410 or a broken history: a new list; other faults: the
 * watch again from where it was, with jittered back-off.
 */
export function startListWatch(
  client: KubernetesClient,
  collection: Collection,
  handlers: ListWatchHandlers,
): ListWatch {
  const stop = new AbortController();
  const listed = new Set<PromiseWithResolvers<void>>();
  let round = new AbortController();
  let from: Place | undefined;
  let failures = 0;

  const list = async (signal: AbortSignal): Promise<void> => {
    const waiting = [...listed];
    const found = await readList(client, collection, { keep: handlers.keep ?? ((object) => object), signal });
    handlers.replaced(found.items);
    from = found.place;
    for (const waiter of waiting) {
      listed.delete(waiter);
      waiter.resolve();
    }
    if (from === undefined) {
      failures = 0;
      await pause(absentDelay, signal);
    }
  };
  const watch = async (signal: AbortSignal, { version, resourceVersion }: Place): Promise<void> => {
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${encodeURIComponent(resourceVersion)}`;
    let lines = 0;
    const path = pathOf(collection, version);
    await client.watch(`${path}${path.includes("?") ? "&" : "?"}${query}`, signal, (line) => {
      const { type, object } = JSON.parse(line) as WatchLine;
      if (type === "ERROR")
        throw new KubernetesRefusal(object.code ?? 500, object.reason ?? "", object.message ?? "watch error");
      lines++;
      failures = 0;
      if (object.metadata.resourceVersion !== undefined)
        from = { version, resourceVersion: object.metadata.resourceVersion };
      if (type === "ADDED" || type === "MODIFIED") handlers.applied(withKind(object, collection, version));
      else if (type === "DELETED") handlers.deleted(withKind(object, collection, version));
    });
    // An ordinary end comes after minutes; a server that only ever answers and ends must not be asked without a pause.
    if (lines === 0 && !signal.aborted) await pause(backoff(++failures, retry), signal);
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      round = new AbortController();
      const signal = AbortSignal.any([stop.signal, round.signal]);
      try {
        if (from === undefined || listed.size > 0) await list(signal);
        if (from !== undefined && !signal.aborted) await watch(signal, from);
      } catch (error) {
        if (signal.aborted) continue; // stopped, or told to list anew
        if (error instanceof KubernetesRefusal && historyIsGone.has(error.status)) from = undefined;
        handlers.fault(MeshError.from(error));
        await pause(backoff(++failures, retry), signal);
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

/** 410: older than what is kept; 404: the kind, or this version of it, went; 504: a resourceVersion that the server does not know yet. */
const historyIsGone: ReadonlySet<number> = new Set([404, 410, 504]);

interface WatchLine {
  readonly type: string;
  readonly object: KubernetesObject & { readonly code?: number; readonly reason?: string; readonly message?: string };
}

interface FoundList {
  readonly items: readonly KubernetesObject[];
  /** Undefined when the kind is not installed. */
  readonly place: Place | undefined;
}

/** Objects a page. */
const pageSize = 500;

async function readList(
  client: KubernetesClient,
  collection: Collection,
  { keep, signal }: { readonly keep: ListPages["keep"]; readonly signal: AbortSignal },
): Promise<FoundList> {
  for (const version of [collection.version, ...(collection.olderVersions ?? [])]) {
    try {
      // No resourceVersion: a consistent read, never a cache that may lag.
      const pages = { size: pageSize, keep };
      const list = await client.call<ObjectList>({ path: pathOf(collection, version), pages, signal });
      const items = list.items.map((item) => withKind(item, collection, version));
      return { items, place: { version, resourceVersion: list.metadata.resourceVersion } };
    } catch (error) {
      if (!isRefusal(error, 404)) throw error;
    }
  }
  return { items: [], place: undefined };
}

function pathOf({ group, plural, namespace, name }: Collection, version: string): string {
  const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
  const only = name === undefined ? "" : `?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
  return `${group === "" ? "/api" : `/apis/${group}`}/${version}${within}/${plural}${only}`;
}

/** Items of a list come without apiVersion and kind. */
function withKind(object: KubernetesObject, { group, kind }: Collection, version: string): KubernetesObject {
  return { ...object, apiVersion: group === "" ? version : `${group}/${version}`, kind };
}
