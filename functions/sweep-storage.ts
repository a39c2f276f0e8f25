import type { ContentHash } from "../shared/core/brand.ts";
import type { DocumentMark, DocumentSweeping } from "../shared/ports/document-store.ts";
import { eachOf } from "../shared/shell/each-of.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { createBlockStore } from "../shared/store/block-store.ts";
import { readHead, writeHead } from "../shared/store/cluster-store.ts";
import { blockPartitions, type Head, type Point, resourceOfId, versionedId } from "../shared/store/documents.ts";
import { type Reach, type Root, reachOf } from "../shared/store/reach.ts";
import { forgetPlaces, type Places, packedAmong, readPlaces, repackResources } from "../shared/store/resource-store.ts";
import type { FunctionParts } from "./ports.ts";

export interface SweepSettings {
  /** How long every version can be served again. Milliseconds. */
  readonly retention: number;
  /** What is younger may belong to a write that is not finished. Milliseconds. */
  readonly minimumAge: number;
  /** Documents removed in one run, of a cluster. The next run goes on. */
  readonly removals: number;
}

const day = 24 * 3600 * 1000;
export const sweepDefaults: SweepSettings = { retention: 30 * day, minimumAge: 2 * day, removals: 5000 };

/** More than a publication every three seconds, for thirty days. */
const pointsAtMost = 1_000_000;
const marksAtOnce = 500;
const requestsAtOnce = 8;
/** So many resources outside of packs, and older than the minimum age, are put into packs. */
const singlesAtLeast = 64;

/** Removes what no version within retention, no pin and no list in the making needs (design.md §4, Sweep). */
export function createStorageSweep(parts: FunctionParts, changes: Partial<SweepSettings> = {}) {
  const settings = { ...sweepDefaults, ...(parts.retention && { retention: parts.retention }), ...changes };
  return async function sweepStorage(): Promise<void> {
    const { sweeping } = parts.documents;
    if (sweeping === undefined) return;
    for (const cluster of await parts.documents.partitionsWith("clusters", "head")) {
      try {
        const removed = await sweepCluster({ parts, sweeping, settings, cluster });
        if (removed > 0) parts.log.info("swept", { cluster, removed });
      } catch (error) {
        const { code, message } = MeshError.from(error);
        parts.log.warn("cluster not swept; the next run tries again", { cluster, code, message });
      }
    }
  };
}

interface Sweep {
  readonly parts: FunctionParts;
  readonly sweeping: DocumentSweeping;
  readonly settings: SweepSettings;
  readonly cluster: string;
}

/**
 * The floor is raised first: what is below it cannot be pinned any more, so what is found unreachable stays so, unless it is written anew, which its etag
 * shows. Whatever a publisher reuses without writing is reachable from the head that it will compare against, and so from the one that was read here, or younger.
 */
async function sweepCluster(sweep: Sweep): Promise<number> {
  const { parts, cluster } = sweep;
  const points = await parts.documents.list<Point>("clusters", cluster, {
    prefix: "point:",
    limit: pointsAtMost,
  });
  const head = await raiseFloor(sweep, points);
  if (head === undefined) return 0;
  const kept = points.filter(({ version }) => version >= head.sweepFloor);
  const reach = await reachOf(createBlockStore(parts.documents, cluster), rootsOf(head, kept));
  const budget = { left: sweep.settings.removals };
  await sweepBlocks(sweep, reach, budget);
  await removeMarked(sweep, "clusters", { from: "point:", to: versionedId("point", head.sweepFloor), budget });
  await removeMarked(sweep, "changes", { from: "change:", to: versionedId("change", head.sweepFloor), budget });
  const oldest = new Date(parts.now().getTime() - sweep.settings.retention).toISOString();
  await removeMarked(sweep, "changes", { from: "pin:", to: `pin:${oldest}`, budget });
  return sweep.settings.removals - budget.left;
}

/** The newest version that was served at the beginning of the retention; everything since then is kept, and what a pin serves. */
async function raiseFloor({ parts, cluster, settings }: Sweep, points: readonly Point[]): Promise<Head | undefined> {
  const read = await readHead(parts.documents, cluster);
  if (read === undefined) return undefined;
  const { head } = read;
  const oldest = new Date(parts.now().getTime() - settings.retention).toISOString();
  const before = points.filter(({ time }) => time < oldest).map(({ version }) => version);
  const floor = Math.max(head.sweepFloor, Math.min(Math.max(0, ...before), head.pin?.to ?? Number.MAX_SAFE_INTEGER));
  if (floor === head.sweepFloor) return head;
  const raised = { ...head, sweepFloor: floor };
  if (!(await writeHead(parts.documents, cluster, { before: read, head: raised }))) return undefined; // the next run sees what came
  return raised;
}

function* rootsOf(head: Head, points: readonly Point[]): Iterable<Root> {
  for (const { served } of points) yield { state: served.state, snapshot: served.root };
  if (head.served !== undefined) yield { state: head.served.state, snapshot: head.served.root };
  if (head.pin?.missing !== undefined) yield { state: head.pin.missing.of };
  yield { state: head.state };
  if (head.staged !== undefined) yield { state: head.staged.state };
}

interface Budget {
  left: number;
}

async function sweepBlocks(sweep: Sweep, reach: Reach, budget: Budget): Promise<void> {
  const { parts, cluster } = sweep;
  const store = { documents: parts.documents, cluster };
  const places = await readPlaces(store);
  const live = livePacks(places, reach);
  /** Places tell how much of a pack is dead, so they stay as long as the pack. */
  const isNeeded = (version: ContentHash, pack: ContentHash) => reach.versions.has(version) || live.has(pack);
  const singles: Single[] = [];
  /** Too large for packs. */
  const split = new Set<ContentHash>();
  await eachOf(blockPartitions(cluster), requestsAtOnce, async (partition) => {
    for await (const mark of oldMarks(sweep, "blocks", { partition, after: "" })) {
      if (mark.id === "place") {
        await forgetPlaces(parts.documents, { partition, etag: mark.etag, isNeeded });
      } else if (isDead(mark.id, reach, live)) {
        await remove(sweep, "blocks", { partition, mark, budget });
      } else {
        const single = resourceOfId(mark.id);
        if (single?.isPart === true) split.add(single.version);
        else if (single !== undefined) singles.push({ partition, mark, version: single.version });
      }
    }
  });
  const packed = await packedAmong(
    store,
    places,
    singles.map(({ version }) => version),
  );
  for (const { partition, mark, version } of singles)
    if (packed.has(version)) await remove(sweep, "blocks", { partition, mark, budget });
  const alone = singles.map(({ version }) => version).filter((version) => !packed.has(version) && !split.has(version));
  const thin = [...live].flatMap(([, { needed, all }]) => (needed.length < all / 2 ? needed : []));
  const repack = [...thin, ...(alone.length >= singlesAtLeast ? alone : [])];
  if (repack.length > 0) await repackResources(store, repack);
}

/** A resource that has a document of its own. */
interface Single {
  readonly partition: string;
  readonly mark: DocumentMark;
  readonly version: ContentHash;
}

/** Packs in which something needed lies, with what is needed and how many places name it. */
function livePacks(
  places: Places,
  reach: Reach,
): ReadonlyMap<ContentHash, { readonly needed: readonly ContentHash[]; readonly all: number }> {
  const packs = Map.groupBy(places, ([, pack]) => pack);
  const live = new Map<ContentHash, { readonly needed: readonly ContentHash[]; readonly all: number }>();
  for (const [pack, members] of packs) {
    const needed = members.map(([version]) => version).filter((version) => reach.versions.has(version));
    if (needed.length > 0) live.set(pack, { needed, all: members.length });
  }
  return live;
}

function isDead(id: string, reach: Reach, live: ReturnType<typeof livePacks>): boolean {
  const single = resourceOfId(id);
  return single !== undefined
    ? !reach.versions.has(single.version)
    : !reach.blocks.has(id as ContentHash) && !live.has(id as ContentHash);
}

/** Marks of a partition after an id that are older than the minimum age. */
async function* oldMarks(
  { sweeping, settings, parts }: Sweep,
  container: "blocks" | "clusters" | "changes",
  range: { readonly partition: string; readonly after: string },
): AsyncIterable<DocumentMark> {
  const youngest = parts.now().getTime() - settings.minimumAge;
  for (let { after } = range; ; ) {
    const marks = await sweeping.marks(container, range.partition, { after, limit: marksAtOnce });
    for (const mark of marks) if (mark.written < youngest) yield mark;
    const last = marks.at(-1);
    if (last === undefined || marks.length < marksAtOnce) return;
    after = last.id;
  }
}

async function removeMarked(
  sweep: Sweep,
  container: "clusters" | "changes",
  { from, to, budget }: { readonly from: string; readonly to: string; readonly budget: Budget },
): Promise<void> {
  const partition = sweep.cluster;
  for await (const mark of oldMarks(sweep, container, { partition, after: from })) {
    if (mark.id >= to) return;
    await remove(sweep, container, { partition, mark, budget });
  }
}

async function remove(
  { sweeping }: Sweep,
  container: "blocks" | "clusters" | "changes",
  { partition, mark, budget }: { readonly partition: string; readonly mark: DocumentMark; readonly budget: Budget },
): Promise<void> {
  if (budget.left <= 0) return;
  budget.left--;
  await sweeping.remove(container, partition, mark);
}
