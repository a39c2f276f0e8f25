import type { ContentHash } from "../../shared/core/brand.ts";
import { namedSince, type Snapshot, versionsOf } from "../../shared/core/snapshot/snapshot.ts";
import { emptyTrie, type Trie } from "../../shared/core/trie/trie.ts";
import type { OpenHubTail } from "../../shared/ports/event-hub.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { backoff } from "../../shared/shell/retry.ts";
import type { BlockStore, StoredResource } from "../../shared/store/block-store.ts";
import type { Head, Served } from "../../shared/store/documents.ts";
import { createSignal } from "../signal.ts";
import { isPointerFor } from "./snapshot-pointer.ts";

/** The snapshot in force, whole: every document was checked against its hash. */
export interface ServedSnapshot {
  readonly incarnation: string;
  readonly version: number;
  readonly served: Served;
  readonly snapshot: Snapshot;
  /** By version: everything the index names, and what others that share the map do. */
  readonly resources: ReadonlyMap<ContentHash, StoredResource>;
}

export interface HeadFollowerOptions {
  readonly mesh: string;
  readonly cluster: string;
  readonly readHead: () => Promise<Head | undefined>;
  readonly blocks: BlockStore;
  readonly openTail: OpenHubTail;
  /** Milliseconds between slow reads of the head, ± 20 %; they alone are enough for correctness. */
  readonly readInterval: number;
  readonly onSnapshot: (snapshot: ServedSnapshot) => void;
  /** What was served before this process began. It is served again when the first read of the head fails, or takes longer than `patience` milliseconds. */
  readonly kept?: { readonly last: () => Promise<ServedSnapshot | undefined>; readonly patience: number };
  readonly log: (event: FollowerEvent) => void;
}

export type FollowerEvent =
  | { readonly kind: "followed"; readonly version: number; readonly resources: number; readonly loaded: number }
  | { readonly kind: "kept"; readonly version: number }
  | { readonly kind: "went-back"; readonly incarnation: string; readonly version: number }
  | { readonly kind: "fault"; readonly message: string };

export interface HeadFollower extends AsyncDisposable {
  readonly current: () => ServedSnapshot | undefined;
  /** A head that was read for another reason. */
  readonly offer: (head: Head) => void;
  /** When the head was last read. Epoch milliseconds; 0 = never. */
  readonly lastContact: () => number;
  /** The head, while it is of an older version or of another incarnation than what is served: it is not followed. */
  readonly wentBack: () => Pick<Head, "incarnation" | "version"> | undefined;
}

/** A block or a head that a lagging replica of the store does not have yet is there a moment later. Milliseconds. */
const readAgain = 100;
/** A pointer that the head does not come up to in so many reads was wrong. */
const readsForPointer = 10;

/**
 * Follows the head: a pointer says when to look, the slow read finds what was lost. Only a higher version of the incarnation we know is
 * taken (design.md §4, Following); part of a snapshot is never served.
 */
export function startHeadFollower(options: HeadFollowerOptions): HeadFollower {
  const stop = new AbortController();
  const wake = createSignal();
  let current: ServedSnapshot | undefined;
  let contact = 0;
  /** `current` was handed over. */
  let shown = false;

  /** The highest version that a pointer named. */
  let pointed = 0;
  const lookBack = createBackWatch(options.log);

  const take = async (head: Head): Promise<void> => {
    lookBack.look(head, current);
    if (!isNews(head, current)) return refresh(head);
    const { fresh, ...loaded } = await loadServed(options.blocks, head.served, current);
    options.log({ kind: "followed", version: head.version, resources: loaded.resources.size, loaded: fresh });
    current = { incarnation: head.incarnation, version: head.version, served: head.served, ...loaded };
    shown = true;
    options.onSnapshot(current);
  };
  /** Another state that compiles to the same bytes is served under the same version. */
  const refresh = (head: Head): void => {
    if (current === undefined || head.served?.root !== current.served.root || head.version !== current.version) return;
    current = { ...current, served: head.served };
  };
  const showKept = (): void => {
    if (shown || current === undefined) return;
    shown = true;
    options.log({ kind: "kept", version: current.version });
    options.onSnapshot(current);
  };
  const run = async (): Promise<void> => {
    current = await options.kept?.last();
    const impatient = options.kept && setTimeout(showKept, options.kept.patience);
    for (let hurried = 0; !stop.signal.aborted; ) {
      try {
        const head = await options.readHead();
        contact = Date.now();
        if (head !== undefined) await take(head);
        hurried = pointed > (current?.version ?? 0) ? hurried + 1 : 0;
        if (hurried === readsForPointer) pointed = hurried = 0;
      } catch (error) {
        hurried++;
        options.log({ kind: "fault", message: MeshError.from(error).message });
      }
      clearTimeout(impatient);
      showKept();
      await wake.wait(pauseAfter(hurried, options.readInterval), stop.signal);
    }
  };
  const tail = options.openTail({
    message: (message) => {
      if (!isPointerFor(message, options) || (current !== undefined && message.version <= current.version)) return;
      if (message.fresh !== undefined) options.blocks.expect(message.fresh);
      if (current === undefined || message.incarnation === current.incarnation)
        pointed = Math.max(pointed, message.version);
      wake.raise();
    },
    fault: (error) => options.log({ kind: "fault", message: error.message }),
  });
  const running = run();
  return {
    current: () => current,
    offer(head) {
      if (isNews(head, current)) wake.raise();
      else refresh(head);
    },
    lastContact: () => contact,
    wentBack: lookBack.wentBack,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await tail[Symbol.asyncDispose]();
      await running;
    },
  };
}

/** Tells of a head that went back. One read may be of a replica that lags; two of the same are told of, once. */
function createBackWatch(log: HeadFollowerOptions["log"]) {
  let seen: string | undefined;
  let told: string | undefined;
  let back: Pick<Head, "incarnation" | "version"> | undefined;
  return {
    wentBack: () => back,
    look(head: Head, current: ServedSnapshot | undefined): void {
      const { incarnation, version } = head;
      const text = wentBack(head, current) ? `${incarnation} ${version}` : undefined;
      if (text === undefined) back = undefined;
      else if (text === seen) back = { incarnation, version };
      if (text !== undefined && text === seen && text !== told) {
        told = text;
        log({ kind: "went-back", incarnation, version });
      }
      seen = text;
    },
  };
}

/** The slow read, ± 20 %; sooner after so many reads that did not bring what is expected. */
function pauseAfter(hurried: number, readInterval: number): number {
  if (hurried === 0) return readInterval * (0.8 + 0.4 * Math.random());
  return backoff(hurried, { baseDelay: readAgain, maxDelay: readInterval });
}

function isNews(head: Head, current: ServedSnapshot | undefined): head is Head & { readonly served: Served } {
  if (head.served === undefined) return false;
  if (current === undefined) return true;
  if (head.incarnation !== current.incarnation) return false;
  // The same snapshot of a newer state: classes that it does not know are compiled from that state (class-policy.ts).
  return (
    head.version > current.version || (head.version === current.version && head.served.state !== current.served.state)
  );
}

function wentBack(head: Head, current: ServedSnapshot | undefined): boolean {
  return current !== undefined && (head.incarnation !== current.incarnation || head.version < current.version);
}

/** Everything that a snapshot names; `fresh` resources of it are not in `current`. */
export async function loadServed(
  blocks: BlockStore,
  served: Served,
  current: ServedSnapshot | undefined,
): Promise<Pick<ServedSnapshot, "snapshot" | "resources"> & { readonly fresh: number }> {
  const snapshot = await blocks.loadSnapshot(served.root, current?.snapshot);
  const known = current?.resources;
  const named = namedSince(current?.snapshot.index ?? emptyTrie, snapshot.index).versions;
  const missing = [...named].filter((version) => known?.has(version) !== true);
  const loaded = await blocks.loadResources(missing);
  return { snapshot, resources: withLoaded(loaded, { known, index: snapshot.index }), fresh: missing.length };
}

/** Maps of resources that only this file adds to, each with how many were named when that was last counted. */
const growing = new WeakMap<object, number>();

/**
 * A change leaves resources behind that nobody names any more; which these are is found only once they may be a fifth of all. Until then snapshots that follow
 * each other share one map, which grows: a copy of thousands of entries for each change is work for the collector.
 */
function withLoaded(
  loaded: ReadonlyMap<ContentHash, StoredResource>,
  { known, index }: { readonly known: ServedSnapshot["resources"] | undefined; readonly index: Trie },
): ServedSnapshot["resources"] {
  const counted = known && growing.get(known);
  if (known === undefined || counted === undefined || known.size + loaded.size > counted * 1.25 + 100) {
    const named = versionsOf(index);
    const all = new Map([...(known ?? []), ...loaded].filter(([version]) => named.has(version)));
    growing.set(all, all.size);
    return all;
  }
  for (const [version, resource] of loaded) (known as Map<ContentHash, StoredResource>).set(version, resource);
  return known;
}
