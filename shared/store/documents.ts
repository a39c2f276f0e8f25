import type { ContentHash } from "../core/brand.ts";
import type { EventCause, Position } from "../core/events/cluster-event.ts";
import type { Missing } from "../core/guard/mass-withdrawal.ts";
import type { Problem } from "../core/mesh/problem.ts";
import type { ObjectKey } from "../core/object.ts";
import type { Deletions } from "../core/state/cluster-state.ts";

/**
 * Shapes of the documents (design.md §3, §4). In `clusters`: `head`, `problems`, `key:<kid>`, `point:<version>`; in `blocks`: trie blocks and packs by
 * hash, `resource:<version>` and `place`; in `changes`: `change:<version>` and `proxies:<replica>`.
 */
export interface Head {
  /** Random, made with the cluster. */
  readonly incarnation: string;
  /** +1 for every write that changes what is served. */
  readonly version: number;
  readonly applied: Position;
  readonly state: ContentHash;
  readonly staged?: Position & { readonly state: ContentHash; readonly deleted?: Deletions };
  readonly served?: Served;
  /** Nothing new is compiled into `served` while it stands; binds everybody, autonomous mode included. */
  readonly pin?: Pin;
  /** What a publisher saw of this cluster before the cloud went back: the next version comes above it. */
  readonly above?: SeenCloud;
  /** "Send a list, because …" */
  readonly want?: string;
  /** Objects that could not be taken: how many, and the newest 8. */
  readonly refused: {
    readonly count: number;
    readonly newest: readonly { readonly object: ObjectKey; readonly bodyHash: ContentHash }[];
  };
  /** Random, of the last write: tells after an unclear answer whether it was ours. */
  readonly writeId: string;
  readonly sweepFloor: number;
}

/**
 * `rollback`: an older snapshot is served. `freeze`: nothing new goes out. `hold`: a guard waits for a person. `stage`: a change goes out in stages.
 */
export interface Pin {
  readonly kind: "rollback" | "freeze" | "hold" | "stage";
  readonly why: string;
  /** A person, or the guard. */
  readonly who: string;
  /** ISO 8601 */
  readonly when: string;
  /** Rollback: the version whose snapshot is served again. */
  readonly to?: number;
  /** What a list lacked of the state `of`; gone when the objects come back. */
  readonly missing?: { readonly of: ContentHash; readonly kinds: readonly Missing[] };
  /** What would be lost by another translator or fleet policy. */
  readonly lost?: readonly Missing[];
  /** The settings or the fleet policy are older than those that are served. */
  readonly lower?: boolean;
}

export interface SeenCloud {
  readonly incarnation: string;
  readonly version: number;
  readonly policyVersion: number;
}

/** Who did what to a cluster's pin and why; in `changes`, under `pin:<time>-<random>`. */
export interface PinAct {
  readonly act: "rollback" | "freeze" | "hold" | "release";
  readonly who: string;
  readonly when: string;
  readonly why: string;
  /** Of the head after it. */
  readonly version: number;
  readonly to?: number;
}

/** The snapshot in force and the version of every input it came from. */
export interface Served {
  readonly root: ContentHash;
  readonly state: ContentHash;
  readonly policyVersion: number;
  readonly settingsVersion: number;
  readonly translator: number;
}

/** One publication. */
export interface Point {
  readonly version: number;
  readonly served: Served;
  readonly causes: readonly ChangeCause[];
  /** ISO 8601 */
  readonly time: string;
}

export interface ChangeCause {
  readonly object: ObjectKey;
  readonly what: "applied" | "deleted" | "refused";
  readonly position: Position;
  /** When the gateway saw it, ISO 8601. */
  readonly time: string;
  readonly cause: EventCause;
  readonly traceparent?: string;
}

/** The timeline of one change: cause → compile → stages → totals of acknowledgements. */
export interface Change {
  readonly version: number;
  readonly causes: readonly ChangeCause[];
  /** Causes beyond those listed. */
  readonly moreCauses: number;
  readonly resources: { readonly added: number; readonly changed: number; readonly removed: number };
  readonly stages: readonly { readonly stage: "ingested" | "compiled" | "published"; readonly time: string }[];
  readonly acknowledged?: ChangeTotals;
}

/** `local:<hash>` in `changes`: a gateway served what it had compiled itself (design.md §5, Guards). Its blocks stay there. */
export interface LocalServing {
  readonly root: ContentHash;
  readonly state: ContentHash;
  /** ISO 8601 */
  readonly from: string;
  readonly to: string;
}

/** Cumulative, so that repeats are harmless. */
export interface ChangeTotals {
  readonly proxies: number;
  readonly settled: number;
  readonly refused: number;
  /** ISO 8601 of the first and of the newest acknowledgement. */
  readonly first?: string;
  readonly last?: string;
}

export interface ClusterProblems {
  readonly version: number;
  readonly total: number;
  /** At most 200. */
  readonly problems: readonly Problem[];
}

/** Id of the cluster's newest report, among its changes. */
export const reportId = "proxies";

/** What the replicas of a cluster's gateway say of its proxies, added up; the whole of it, so that the newest is enough. */
export interface ProxyReport {
  readonly time: string;
  /** Milliseconds after which the next comes, although nothing happened. */
  readonly interval: number;
  /** Those that it adds up: which version each serves, to how many proxies. */
  readonly replicas: readonly { readonly replica: string; readonly serves: number; readonly connected: number }[];
  readonly wanted: number;
  readonly totals: { readonly connected: number; readonly settled: number; readonly refusing: number };
  /** Totals of the newest open changes, by version. */
  readonly changes: readonly (ChangeTotals & { readonly version: number })[];
  /** Refusing ones first, then laggards; at most 500. */
  readonly proxies: readonly ProxyRow[];
  readonly problems: readonly Problem[];
}

export interface ProxyRow {
  readonly proxy: string;
  readonly account: string;
  readonly wanted: number;
  readonly acknowledged: number;
  readonly connectedSince: string;
  readonly refused?: string;
}

/** So many blocks, and so many resources, a pointer names at most. */
export const maxFresh = 16;

/** Message on `mesh-snapshots`. */
export interface SnapshotPointer {
  readonly mesh: string;
  readonly cluster: string;
  readonly incarnation: string;
  readonly version: number;
  readonly root: ContentHash;
  /** Documents that the one before did not need, where they are few: whoever hears of it reads them at once. */
  readonly fresh?: { readonly blocks: readonly ContentHash[]; readonly resources: readonly ContentHash[] };
}

/** Trie blocks that lie together (trie.ts, Bundle); the first is the one that the id is the hash of. */
export interface BlockDocument {
  readonly texts: readonly string[];
}

/** Many resources: canonical JSON of PackEntry[], whose hash is the id. */
export interface PackDocument {
  readonly text: string;
}

/** One resource. Causes stand beside the version: they may differ where the bytes are the same. */
export interface PackEntry {
  readonly version: ContentHash;
  /** base64 */
  readonly body: string;
  readonly causes: readonly ObjectKey[];
}

/** Body of a `resource:<version>`: of a large one the first part of it, and how many follow it as `resource:<version>.<number>`, from 1. */
export interface SingleDocument extends PackEntry {
  readonly parts?: number;
}

/** The next base64 characters of a large resource. */
export interface PartDocument {
  readonly body: string;
}

/** `sweep` in `clusters`: the storage sweep of a cluster, from one call to the next. */
export interface SweepProgress {
  /** ISO 8601, of the last call: who waits for longest is next. */
  readonly touched: string;
  /** Undefined when the last run came to its end. */
  readonly run?: SweepRun;
}

/** How far a run has come. */
export interface SweepRun {
  /** ISO 8601. What was written later than this less the minimum age stays, however long the run takes. */
  readonly started: string;
  /** Of the head, when the run began. */
  readonly floor: number;
  /** Id of the point that was walked last; absent: all of them were. */
  readonly point?: string;
  /** Documents that are reached and not read yet. */
  readonly waiting: readonly ReachStep[];
  /** Ids of the pages that hold what is reached so far. */
  readonly pages: readonly string[];
  /** How far removal has come: among the partitions of blocks, and the ids in that one. */
  readonly removal: { readonly partition: number; readonly after: string };
}

/** One document of a trie that a walk comes to: of a state, of a snapshot's index or of a set that it names. */
export interface ReachStep {
  readonly kind: "state" | "index" | "set";
  readonly id: ContentHash;
}

/** `sweep-page:<hash>` in `clusters`: what a run has reached. */
export interface SweepPage {
  readonly blocks: readonly ContentHash[];
  readonly versions: readonly ContentHash[];
}

/** Says in which pack the resources of one partition lie. */
export interface PlaceDocument {
  readonly packs: Readonly<Record<string, ContentHash>>;
}

/** Of a resource that has a document of its own. */
export function singleId(version: ContentHash): string {
  return `${singlePrefix}${version}`;
}

const singlePrefix = "resource:";

/** Of a part of a resource that is too large for one document; `part` from 1. */
export function partId(version: ContentHash, part: number): string {
  return `${singleId(version)}.${part}`;
}

/** Whose document this is, alone or part of it; undefined for ids of other kinds. */
export function resourceOfId(id: string): { readonly version: ContentHash; readonly isPart: boolean } | undefined {
  if (!id.startsWith(singlePrefix)) return undefined;
  const [version = "", part] = id.slice(singlePrefix.length).split(".");
  return { version: version as ContentHash, isPart: part !== undefined };
}

/** `point:` and `change:` ids sort by version as text. */
export function versionedId(kind: "point" | "change", version: number): string {
  return `${kind}:${version.toString().padStart(12, "0")}`;
}

/** All partitions in which a cluster's blocks, packs and resources lie. */
export function blockPartitions(cluster: string): readonly string[] {
  return Array.from({ length: 256 }, (_, byte) => `${cluster}:${byte.toString(16).padStart(2, "0")}`);
}

/** Partition of a block, pack or place: the cluster and the first byte of the hash. */
export function blockPartition(cluster: string, hash: ContentHash): string {
  return `${cluster}:${Buffer.from(hash, "base64url").toString("hex", 0, 1)}`;
}
