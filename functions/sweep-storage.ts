import type { ContentHash } from "../shared/core/brand.ts";
import type { DocumentMark, DocumentSweeping } from "../shared/ports/document-store.ts";
import { eachOf } from "../shared/shell/each-of.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { readHead, writeHead } from "../shared/store/cluster-store.ts";
import {
  blockPartitions,
  type Head,
  type Point,
  resourceOfId,
  type SweepPage,
  type SweepRun,
  singleId,
  versionedId,
} from "../shared/store/documents.ts";
import { type Reach, type ReachWalk, type Root, takeUpWalk } from "../shared/store/reach.ts";
import { forgetPlaces, type Places, packedAmong, readPlaces, repackResources } from "../shared/store/resource-store.ts";
import type { FunctionParts } from "./ports.ts";
import { type ReadProgress, readLeft, readProgress, writeProgress } from "./sweep-progress.ts";

export interface SweepSettings {
  /** How long every version can be served again. Milliseconds. */
  readonly retention: number;
  /** What is younger may belong to a write that is not finished. Milliseconds. */
  readonly minimumAge: number;
  /** How long a call may take before it leaves off; the next goes on. Milliseconds. */
  readonly patience: number;
  /** Documents looked at in one call. */
  readonly steps: number;
}

const day = 24 * 3600 * 1000;
/** The platform ends a call after five minutes. */
export const sweepDefaults: SweepSettings = {
  retention: 30 * day,
  minimumAge: 2 * day,
  patience: 180_000,
  steps: 1_000_000,
};

const marksAtOnce = 500;
const pointsAtOnce = 16;
const readsAtOnce = 16;
const requestsAtOnce = 8;
/** So many resources outside of packs, and older than the minimum age, are put into packs. */
const singlesAtLeast = 64;
/** Resources that one run puts into packs. */
const repackedAtMost = 2000;

/**
 * Removes what no version within retention, no pin and no list in the making needs (design.md §4, Sweep). A run takes as many calls as it needs: each goes on where
 * the one before left off, whatever became of it.
 */
export function createStorageSweep(parts: FunctionParts, changes: Partial<SweepSettings> = {}) {
  const settings = { ...sweepDefaults, ...(parts.retention && { retention: parts.retention }), ...changes };
  return async function sweepStorage(): Promise<void> {
    const { documents, log } = parts;
    const { sweeping } = documents;
    if (sweeping === undefined) return;
    const budget = createBudget(parts, settings);
    const waiting: { readonly cluster: string; readonly before: ReadProgress }[] = [];
    for (const cluster of await documents.partitionsWith("clusters", "head"))
      waiting.push({ cluster, before: await readProgress({ documents, cluster }) });
    waiting.sort((a, b) => (a.before.touched < b.before.touched ? -1 : 1));
    for (const { cluster, before } of waiting) {
      if (budget.isSpent()) return;
      try {
        const { removed, isOver } = await sweepCluster({ parts, sweeping, settings, cluster, budget }, before);
        if (removed > 0) log.info("swept", { cluster, removed, isOver });
      } catch (error) {
        const { code, message } = MeshError.from(error);
        log.warn("cluster not swept; the next run tries again", { cluster, code, message });
      }
    }
  };
}

/** What a call may still do. */
interface Budget {
  readonly left: () => number;
  readonly spend: (steps: number) => void;
  readonly isSpent: () => boolean;
}

function createBudget({ now }: FunctionParts, { steps, patience }: SweepSettings): Budget {
  const end = now().getTime() + patience;
  let left = steps;
  return {
    left: () => Math.max(1, left), // at least one step a time, or nothing would ever end
    spend(count) {
      left -= count;
    },
    isSpent: () => left <= 0 || now().getTime() >= end,
  };
}

interface Sweep {
  readonly parts: FunctionParts;
  readonly sweeping: DocumentSweeping;
  readonly settings: SweepSettings;
  readonly cluster: string;
  readonly budget: Budget;
}

/** A run in this call. */
interface Run {
  readonly started: string;
  readonly floor: number;
  readonly walk: ReachWalk;
  /** What was reached before this call. */
  readonly pages: readonly SweepPage[];
  /** Id of the last point that was walked; undefined: all of them were. */
  point: string | undefined;
  removal: SweepRun["removal"];
  removed: number;
}

async function sweepCluster(
  sweep: Sweep,
  before: ReadProgress,
): Promise<{ readonly removed: number; readonly isOver: boolean }> {
  const { parts, sweeping, cluster } = sweep;
  const store = { documents: parts.documents, sweeping, cluster };
  const run = (await takeUpRun(sweep, before)) ?? (await beginRun(sweep));
  if (run === undefined) return { removed: 0, isOver: false };
  const save = (isOver: boolean): Promise<void> => {
    const { started, floor, walk, point, removal } = run;
    const left = { started, floor, ...(point !== undefined && { point }), waiting: walk.waiting(), removal };
    const touched = parts.now().toISOString();
    return writeProgress(store, before, { touched, ...(!isOver && { left }), pages: [...run.pages, walk.news()] });
  };
  try {
    const isOver = (await walkOn(sweep, run)) && (await removeOn(sweep, run)) && (await finish(sweep, run));
    await save(isOver);
    return { removed: run.removed, isOver };
  } catch (error) {
    await save(false); // the others have their turn, and what was done is done
    throw error;
  }
}

async function takeUpRun({ parts, cluster }: Sweep, { left }: ReadProgress): Promise<Run | undefined> {
  const { documents } = parts;
  const found = left && (await readLeft({ documents, cluster }, left));
  if (found === undefined) return undefined;
  const { started, floor, point, waiting, removal } = found.run;
  const { pages } = found;
  const walk = takeUpWalk({ documents, cluster }, { pages, waiting });
  return { started, floor, point, removal, walk, pages, removed: 0 };
}

/**
 * The floor is raised first: what is below it cannot be pinned any more, so what is found unreachable stays so, unless it is written anew, which its etag
 * shows. Whatever a publisher reuses without writing is reachable from the head that it will compare against, and so from the one that was read here, or younger.
 */
async function beginRun(sweep: Sweep): Promise<Run | undefined> {
  const { parts, cluster } = sweep;
  const started = parts.now().toISOString();
  const head = await raiseFloor(sweep);
  if (head === undefined) return undefined;
  const walk = takeUpWalk({ documents: parts.documents, cluster }, { pages: [], waiting: [] });
  for (const root of rootsOf(head)) walk.add(root);
  const floor = head.sweepFloor;
  const point = floor === 0 ? pointPrefix : versionedId("point", floor - 1);
  return { started, floor, point, walk, pages: [], removal: { partition: 0, after: "" }, removed: 0 };
}

const pointPrefix = "point:";

/** The newest version that was served at the beginning of the retention; everything since then is kept, and what a pin serves. */
async function raiseFloor({ parts, sweeping, cluster, settings, budget }: Sweep): Promise<Head | undefined> {
  const read = await readHead(parts.documents, cluster);
  if (read === undefined) return undefined;
  const { head } = read;
  const oldest = parts.now().getTime() - settings.retention;
  let newest = head.sweepFloor;
  for (let after = versionedId("point", newest); ; ) {
    const marks = await sweeping.marks("clusters", cluster, { after, limit: marksAtOnce });
    const old = marks.filter(({ id, written }) => id.startsWith(pointPrefix) && written < oldest);
    budget.spend(old.length);
    const last = old.at(-1)?.id;
    if (last !== undefined) newest = Number(last.slice(pointPrefix.length));
    if (last === undefined || old.length < marksAtOnce) break;
    after = last;
  }
  const floor = Math.max(head.sweepFloor, Math.min(newest, head.pin?.to ?? Number.MAX_SAFE_INTEGER));
  if (floor === head.sweepFloor) return head;
  const raised = { ...head, sweepFloor: floor };
  if (!(await writeHead(parts.documents, cluster, { before: read, head: raised }))) return undefined; // the next call sees what came
  return raised;
}

function* rootsOf(head: Head): Iterable<Root> {
  if (head.served !== undefined) yield { state: head.served.state, snapshot: head.served.root };
  if (head.pin?.missing !== undefined) yield { state: head.pin.missing.of };
  yield { state: head.state };
  if (head.staged !== undefined) yield { state: head.staged.state };
}

/** True when everything that is kept was walked. */
async function walkOn({ parts, sweeping, cluster, budget }: Sweep, run: Run): Promise<boolean> {
  const { walk } = run;
  for (;;) {
    while (walk.waiting().length > 0) {
      budget.spend(await walk.read(Math.min(readsAtOnce, budget.left())));
      if (budget.isSpent()) return false;
    }
    if (run.point === undefined) return true;
    const marks = await sweeping.marks("clusters", cluster, { after: run.point, limit: pointsAtOnce });
    const points = marks.filter(({ id }) => id.startsWith(pointPrefix));
    await eachOf(points, requestsAtOnce, async ({ id }) => {
      const point = await parts.documents.get<Point>("clusters", cluster, id);
      if (point !== undefined) walk.add({ state: point.body.served.state, snapshot: point.body.served.root });
    });
    budget.spend(points.length);
    run.point = points.length < pointsAtOnce ? undefined : points.at(-1)?.id;
  }
}

/** True when all blocks were looked at. */
async function removeOn(sweep: Sweep, run: Run): Promise<boolean> {
  const { sweeping, cluster, budget } = sweep;
  const partitions = blockPartitions(cluster);
  if (run.removal.partition >= partitions.length) return true;
  const packs = await readPacks(sweep, run.walk.reach);
  for (;;) {
    const partition = partitions[run.removal.partition];
    if (partition === undefined) return true;
    if (budget.isSpent()) return false;
    const limit = Math.min(marksAtOnce, budget.left());
    const marks = await sweeping.marks("blocks", partition, { after: run.removal.after, limit });
    await sweepMarks(sweep, run, { partition, packs, marks: marks.filter((mark) => isOld(sweep, run, mark)) });
    budget.spend(Math.max(1, marks.length));
    const last = marks.length < limit ? undefined : marks.at(-1)?.id;
    run.removal =
      last === undefined ? { partition: run.removal.partition + 1, after: "" } : { ...run.removal, after: last };
  }
}

/** In which pack everything lies, and what of it is needed. */
interface Packs {
  readonly places: Places;
  readonly live: ReturnType<typeof livePacks>;
}

async function readPacks({ parts, cluster }: Sweep, reach: Reach): Promise<Packs> {
  const places = await readPlaces({ documents: parts.documents, cluster });
  return { places, live: livePacks(places, reach) };
}

async function sweepMarks(
  sweep: Sweep,
  run: Run,
  {
    partition,
    packs,
    marks,
  }: { readonly partition: string; readonly packs: Packs; readonly marks: readonly DocumentMark[] },
): Promise<void> {
  const { documents } = sweep.parts;
  const { reach } = run.walk;
  const { places, live } = packs;
  /** Places tell how much of a pack is dead, so they stay as long as the pack. */
  const isNeeded = (version: ContentHash, pack: ContentHash) => reach.versions.has(version) || live.has(pack);
  const singles = marks.flatMap((mark) => {
    const single = resourceOfId(mark.id);
    return single !== undefined && !single.isPart ? [{ mark, version: single.version }] : [];
  });
  const packed = await packedAmong(
    { documents, cluster: sweep.cluster },
    places,
    singles.map(({ version }) => version),
  );
  const doubled = new Set(singles.flatMap(({ mark, version }) => (packed.has(version) ? [mark.id] : [])));
  await eachOf(marks, requestsAtOnce, async (mark) => {
    if (mark.id === "place") await forgetPlaces(documents, { partition, etag: mark.etag, isNeeded });
    else if (isDead(mark.id, reach, live) || doubled.has(mark.id))
      await remove(sweep, run, { container: "blocks", partition, mark });
  });
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

/** Points and changes below the floor, and acts beyond the retention; then what lies thinly is packed. True when all of it is done. */
async function finish(sweep: Sweep, run: Run): Promise<boolean> {
  const { floor, started } = run;
  const oldest = new Date(Date.parse(started) - sweep.settings.retention).toISOString();
  const ranges = [
    { container: "clusters", from: pointPrefix, to: versionedId("point", floor) },
    { container: "changes", from: "change:", to: versionedId("change", floor) },
    { container: "changes", from: "pin:", to: `pin:${oldest}` },
  ] as const;
  for (const range of ranges) if (!(await removeRange(sweep, run, range))) return false;
  await repack(sweep, run);
  return true;
}

/** True when nothing of it is left that may go. */
async function removeRange(
  sweep: Sweep,
  run: Run,
  { container, from, to }: { readonly container: "clusters" | "changes"; readonly from: string; readonly to: string },
): Promise<boolean> {
  const { sweeping, budget, cluster: partition } = sweep;
  for (let after = from; ; ) {
    if (budget.isSpent()) return false;
    const limit = Math.min(marksAtOnce, budget.left());
    const marks = await sweeping.marks(container, partition, { after, limit });
    const within = marks.filter(({ id }) => id < to);
    await eachOf(
      within.filter((mark) => isOld(sweep, run, mark)),
      requestsAtOnce,
      (mark) => remove(sweep, run, { container, partition, mark }),
    );
    budget.spend(within.length);
    const last = within.at(-1);
    if (last === undefined || within.length < limit) return true;
    after = last.id;
  }
}

/** What lies by itself, and what lies in packs that are mostly dead, goes into packs; so much in one run. */
async function repack(sweep: Sweep, run: Run): Promise<void> {
  const { reach } = run.walk;
  const store = { documents: sweep.parts.documents, cluster: sweep.cluster };
  const { places, live } = await readPacks(sweep, reach);
  const alone = (await oldSingles(sweep, run)).filter((version) => reach.versions.has(version) && !places.has(version));
  const thin = [...live].flatMap(([, { needed, all }]) => (needed.length < all / 2 ? needed : []));
  const versions = [...thin, ...(alone.length >= singlesAtLeast ? alone : [])].slice(0, repackedAtMost);
  if (versions.length > 0) await repackResources(store, versions);
}

/** Resources in documents of their own, as many as can be packed; those in parts cannot. */
async function oldSingles(sweep: Sweep, run: Run): Promise<readonly ContentHash[]> {
  const found: ContentHash[] = [];
  for (const partition of blockPartitions(sweep.cluster)) {
    if (found.length >= repackedAtMost) break;
    const marks = await sweep.sweeping.marks("blocks", partition, {
      after: singleId("" as ContentHash),
      limit: marksAtOnce,
    });
    const singles = marks.flatMap((mark) => {
      const single = resourceOfId(mark.id);
      return single === undefined ? [] : [{ ...single, mark }];
    });
    const split = new Set(singles.flatMap(({ isPart, version }) => (isPart ? [version] : [])));
    for (const { version, mark } of singles) if (!split.has(version) && isOld(sweep, run, mark)) found.push(version);
  }
  return found;
}

/** Written so long before the run began that nobody is about to name it. */
function isOld({ settings }: Sweep, { started }: Run, { written }: DocumentMark): boolean {
  return written < Date.parse(started) - settings.minimumAge;
}

async function remove(
  { sweeping }: Sweep,
  run: Run,
  {
    container,
    partition,
    mark,
  }: { readonly container: "blocks" | "clusters" | "changes"; readonly partition: string; readonly mark: DocumentMark },
): Promise<void> {
  if (await sweeping.remove(container, partition, mark)) run.removed++;
}
