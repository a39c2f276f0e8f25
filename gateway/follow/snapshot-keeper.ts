import type { ContentHash } from "../../shared/core/brand.ts";
import { isAfter } from "../../shared/core/events/cluster-event.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import { pause } from "../../shared/shell/pause.ts";
import { backoff } from "../../shared/shell/retry.ts";
import type { BlockStore } from "../../shared/store/block-store.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { MeshSettingsInForce } from "../../shared/store/mesh-settings.ts";
import type { GatewayRecord, KeptSnapshot } from "../disk/gateway-record.ts";
import type { Content, KeptContent } from "../disk/kept-content.ts";
import { createSignal } from "../signal.ts";
import { loadServed, type ServedSnapshot } from "./head-follower.ts";

export interface SnapshotKeeperOptions {
  readonly content: KeptContent;
  readonly record: GatewayRecord;
  /** Reads what is kept here first. */
  readonly blocks: BlockStore;
  /** Reads what is kept here only. */
  readonly keptBlocks: BlockStore;
  readonly readSettings: () => Promise<MeshSettingsInForce>;
  /** The gateway's own state, which shares nearly all blocks with those that are served. */
  readonly known: () => Trie;
  /** Least milliseconds between two snapshots that are kept: those between them are not. */
  readonly distance: number;
  /** Milliseconds for which proxies have the process for themselves when there is a new snapshot, before it is kept. */
  readonly courtesy: number;
  readonly fault: (error: unknown) => void;
}

/** Compiled here, and the state that it was compiled from. */
export interface LocalSnapshot {
  readonly snapshot: ServedSnapshot;
  readonly state: Trie;
}

/** Keeps what is served, with everything that it was made of, so that a gateway serves and compiles without its cloud. */
export interface SnapshotKeeper extends AsyncDisposable {
  /** The newest snapshot from the cloud that is whole, of the process before this one. */
  readonly last: () => Promise<ServedSnapshot | undefined>;
  /** What this gateway compiled itself and served last, if the process before this one ended so. */
  readonly lastLocal: () => Promise<ServedSnapshot | undefined>;
  /** The newest snapshot from the cloud that is whole here: what this gateway could start with while the cloud is away. */
  readonly kept: () => KeptSnapshot | undefined;
  /** A snapshot from the cloud is in force. */
  readonly keep: (snapshot: ServedSnapshot) => void;
  /** One that was compiled here from `state` is; undefined: none any more. */
  readonly keepLocal: (local: LocalSnapshot | undefined) => void;
  /** A state that one of the newest snapshots was made of, if it is held in memory. */
  readonly stateOf: (root: ContentHash) => Trie | undefined;
  /** As it was last read, maybe by the process before this one. */
  readonly head: () => Head | undefined;
  /** The head was read. */
  readonly onHead: (head: Head) => void;
  /** The inputs from the cloud that a snapshot was made with; where it does not answer the newest that are known. Rejects where none are. */
  readonly settingsFor: (snapshot: ServedSnapshot | undefined) => Promise<MeshSettingsInForce>;
}

/** Snapshots from the cloud of which everything is kept. */
const keptSnapshots = 3;
const retry = { baseDelay: 500, maxDelay: 30_000 };

export function startSnapshotKeeper(options: SnapshotKeeperOptions): SnapshotKeeper {
  const { record } = options;
  const stop = new AbortController();
  const wake = createSignal();
  const states = createHeldStates(options);
  let waiting: ServedSnapshot | undefined;
  let waitingLocal: LocalSnapshot | undefined;

  const settingsFor = createSettingsReader(options);
  const archive = createArchive(options);
  const work = async (): Promise<void> => {
    const [cloud, local] = [waiting, waitingLocal];
    // First, as it needs no cloud.
    if (local !== undefined) {
      const kept = await archive.store(local.snapshot, local.state);
      if (waitingLocal === local) {
        waitingLocal = undefined;
        record.change({ local: kept });
      }
    }
    if (cloud !== undefined) {
      const state = await states.load(cloud.served.state);
      await settingsFor(cloud);
      const kept = await archive.store(cloud, state);
      const older = record.current().snapshots.filter((other) => archive.holds(other) && !isSame(other, kept));
      record.change({ snapshots: [kept, ...older].slice(0, keptSnapshots) });
      if (waiting === cloud) waiting = undefined;
    }
    await archive.forgetOthers();
  };
  const run = async (): Promise<void> => {
    for (let failures = 0; !stop.signal.aborted; ) {
      await wake.wait(2 ** 30, stop.signal);
      if (waiting === undefined && waitingLocal === undefined) continue;
      await pause(options.courtesy, stop.signal);
      try {
        await work();
        failures = 0;
        await pause(options.distance, stop.signal);
      } catch (error) {
        options.fault(error);
        await pause(backoff(++failures, retry), stop.signal);
      }
      if (waiting !== undefined || waitingLocal !== undefined) wake.raise();
    }
  };
  const running = run();
  return {
    last: () => archive.loadFirst(record.current().snapshots),
    lastLocal: () => archive.loadFirst([record.current().local ?? []].flat()),
    stateOf: states.of,
    kept: () => record.current().snapshots.find(archive.holds),
    keep(snapshot) {
      waiting = snapshot;
      // Without these nothing can be compiled here, and the cloud may be away before the snapshot is kept; then both are asked for again.
      Promise.all([states.load(snapshot.served.state), settingsFor(snapshot)]).catch(options.fault);
      wake.raise();
    },
    keepLocal(local) {
      waitingLocal = local;
      states.holdLocal(local?.state);
      if (local === undefined) record.change({ local: undefined });
      else wake.raise();
    },
    head: () => record.current().head,
    onHead(head) {
      const before = record.current().head;
      if (isOlder(head, before) || JSON.stringify(head) === JSON.stringify(before)) return;
      record.change({ head });
    },
    settingsFor,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      if (waiting !== undefined || waitingLocal !== undefined) await work().catch(options.fault);
    },
  };
}

/** What the newest snapshots were made of, in memory: the classes of new pods are compiled from it. */
function createHeldStates({ blocks, known }: SnapshotKeeperOptions) {
  let newest: { readonly root: ContentHash; readonly loading: Promise<Trie> } | undefined;
  let cloud: Trie | undefined;
  let local: Trie | undefined;
  const load = async (root: ContentHash): Promise<Trie> => {
    const state = cloud?.root === root ? cloud : await blocks.loadTrie(root, known());
    if (newest?.root === root) cloud = state;
    return state;
  };
  return {
    of: (root: ContentHash): Trie | undefined => [cloud, local].find((state) => state?.root === root),
    /** Of the newest snapshot from the cloud; asked for twice at a time it is read once. */
    load(root: ContentHash): Promise<Trie> {
      if (newest?.root === root) return newest.loading;
      const forget = (): void => {
        if (newest?.root === root) newest = undefined;
      };
      newest = { root, loading: Promise.resolve().then(() => load(root)) };
      newest.loading.catch(forget);
      return newest.loading;
    },
    holdLocal(state: Trie | undefined): void {
      local = state;
    },
  };
}

/** The inputs of the cloud: those that are remembered where they are the ones that are asked for, or where the cloud does not answer. */
function createSettingsReader({ record, readSettings }: SnapshotKeeperOptions): SnapshotKeeper["settingsFor"] {
  return async (snapshot) => {
    const known = record.current().settings;
    const wanted = snapshot?.served;
    if (wanted && known?.version === wanted.settingsVersion && known.policyVersion === wanted.policyVersion)
      return known;
    try {
      const settings = await readSettings();
      record.change({ settings });
      return settings;
    } catch (error) {
      if (known === undefined) throw error;
      return known;
    }
  };
}

/** Whole snapshots among the kept content. */
function createArchive({ content, record, keptBlocks, fault }: SnapshotKeeperOptions) {
  /** Hashes that a kept snapshot needs, by `reachKey`. */
  const reach = new Map<string, ReadonlySet<ContentHash>>();
  /** Undefined when something of it is missing. */
  const load = async (kept: KeptSnapshot): Promise<ServedSnapshot | undefined> => {
    const { incarnation, version, served } = kept;
    try {
      const state = await keptBlocks.loadTrie(served.state);
      const { snapshot, resources } = await loadServed(keptBlocks, served, undefined);
      const loaded: ServedSnapshot = { incarnation, version, served, snapshot, resources };
      reach.set(reachKey(kept), new Set([...contentsOf(loaded, state)].map(({ hash }) => hash)));
      return loaded;
    } catch (error) {
      fault(error);
      return undefined;
    }
  };
  return {
    holds: (kept: KeptSnapshot): boolean => reach.has(reachKey(kept)),
    async store(snapshot: ServedSnapshot, state: Trie): Promise<KeptSnapshot> {
      const contents = [...contentsOf(snapshot, state)];
      await content.add(contents);
      const { incarnation, version, served } = snapshot;
      const kept: KeptSnapshot = { incarnation, version, served };
      reach.set(reachKey(kept), new Set(contents.map(({ hash }) => hash)));
      return kept;
    },
    /** The first that is whole. */
    async loadFirst(snapshots: readonly KeptSnapshot[]): Promise<ServedSnapshot | undefined> {
      for (const kept of snapshots) {
        const snapshot = await load(kept);
        if (snapshot !== undefined) return snapshot;
      }
      return undefined;
    },
    /** Lets go of what the record does not name, once that is durable. */
    async forgetOthers(): Promise<void> {
      await record.written();
      const { snapshots, local } = record.current();
      const named = new Set([...snapshots, ...(local === undefined ? [] : [local])].map(reachKey));
      for (const key of reach.keys()) if (!named.has(key)) reach.delete(key);
      await content.keepOnly(new Set([...reach.values()].flatMap((hashes) => [...hashes])));
    },
  };
}

function* contentsOf({ snapshot, resources }: ServedSnapshot, state: Trie): Iterable<Content> {
  for (const trie of [state, snapshot.index, ...snapshot.sets.values()])
    for (const [hash, text] of trie.blocks()) yield { kind: "block", hash, text };
  for (const resource of resources.values()) yield { kind: "resource", hash: resource.version, resource };
}

/** Of a replica of the store that lags, or of a cloud that went back. */
function isOlder(head: Head, before: Head | undefined): boolean {
  if (before === undefined) return false;
  return (
    head.incarnation !== before.incarnation || head.version < before.version || isAfter(before.applied, head.applied)
  );
}

function reachKey({ served: { root, state } }: KeptSnapshot): string {
  return `${root} ${state}`;
}

function isSame(a: KeptSnapshot, b: KeptSnapshot): boolean {
  return a.incarnation === b.incarnation && a.version === b.version && reachKey(a) === reachKey(b);
}
