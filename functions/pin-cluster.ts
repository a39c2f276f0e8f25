import { compareSnapshots, type Snapshot, versionsOf } from "../shared/core/snapshot/snapshot.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { createBlockStore } from "../shared/store/block-store.ts";
import { readHead, writeHead } from "../shared/store/cluster-store.ts";
import { type Change, type Head, type Pin, type Point, versionedId } from "../shared/store/documents.ts";
import { announceVersion, recordPinAct, type WrittenHead } from "./announce.ts";
import { foldNothing } from "./fold-events.ts";
import type { FunctionParts } from "./ports.ts";
import type { ClusterUpdater } from "./update-cluster.ts";

/** A person, and why: both stand in the pin and in `changes`. */
export interface Actor {
  readonly who: string;
  readonly why: string;
}

/** Each is one compare-and-set of the head. MeshError `precondition-failed` says why it cannot be done. Returns the head's version after it. */
export interface ClusterPins {
  /** Serves the snapshot of an older version as a new version, until it is released. */
  rollback(cluster: string, to: number, actor: Actor): Promise<number>;
  /** Nothing new goes out until it is released. */
  freeze(cluster: string, actor: Actor): Promise<number>;
  /** Ends the pin of this kind; what was held back is compiled and served. Releasing a hold agrees to what the guard held. */
  release(cluster: string, kind: Pin["kind"], actor: Actor): Promise<number>;
}

const attempts = 8;

export function createClusterPins(parts: FunctionParts, updater: ClusterUpdater): ClusterPins {
  const move = (cluster: string, next: (head: Head) => Promise<HeadMove>) => moveHead(parts, cluster, next);
  return {
    async rollback(cluster, to, actor) {
      const { head, before, point } = await move(cluster, (current) =>
        rolledBack(parts, cluster, { head: current, to, actor }),
      );
      await recordPinAct(parts, cluster, {
        act: "rollback",
        ...actor,
        when: head.pin?.when ?? "",
        version: head.version,
        to,
      });
      if (point !== undefined) {
        const change = await changeOf(parts, cluster, { before, point });
        await announceVersion(parts, cluster, { head, change });
      }
      return head.version;
    },
    async freeze(cluster, actor) {
      const { head } = await move(cluster, async (current) => {
        if (current.pin !== undefined) throw refused(`the cluster has a ${current.pin.kind} already`);
        return { head: { ...current, pin: { kind: "freeze", ...actor, when: parts.now().toISOString() } } };
      });
      await recordPinAct(parts, cluster, {
        act: "freeze",
        ...actor,
        when: head.pin?.when ?? "",
        version: head.version,
      });
      return head.version;
    },
    async release(cluster, kind, actor) {
      const known = await updater.update(cluster, (state, head) => {
        if (head.pin?.kind !== kind) throw refused(`there is no ${kind} to release`);
        return { ...foldNothing(state, head), released: kind === "hold" ? "everything" : "pin" };
      });
      const version = known ? (await readHead(parts.documents, cluster))?.head.version : undefined;
      if (version === undefined) throw refused("the cluster never joined");
      await recordPinAct(parts, cluster, { act: "release", ...actor, when: parts.now().toISOString(), version });
      return version;
    },
  };
}

interface HeadMove {
  readonly head: WrittenHead;
  readonly point?: Point;
}

/** Reads, decides, writes; again when another writer came first. */
async function moveHead(
  { documents }: FunctionParts,
  cluster: string,
  next: (head: Head) => Promise<HeadMove>,
): Promise<HeadMove & { readonly before: Head }> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const before = await readHead(documents, cluster);
    if (before === undefined) throw refused("the cluster never joined");
    const move = await next(before.head);
    if (await writeHead(documents, cluster, { before, ...move })) return { ...move, before: before.head };
  }
  throw new MeshError("unavailable", `the head of ${cluster} was written by others ${attempts} times in a row`);
}

async function rolledBack(
  parts: FunctionParts,
  cluster: string,
  { head, to, actor }: { readonly head: Head; readonly to: number; readonly actor: Actor },
): Promise<HeadMove> {
  if (head.pin !== undefined && head.pin.kind !== "rollback")
    throw refused(`a ${head.pin.kind} is to be released first`);
  if (to >= head.version) throw refused(`version ${to} is not older than ${head.version}, which is served`);
  const stored = await parts.documents.get<Point>("clusters", cluster, versionedId("point", to));
  if (stored === undefined || to < head.sweepFloor) throw refused(`version ${to} is not kept any more`);
  const { served } = stored.body;
  await assertWhole(parts, cluster, served.root);
  const time = parts.now().toISOString();
  const version = head.version + 1;
  const reasons = head.pin ?? {};
  const pin: Pin = { ...reasons, kind: "rollback", ...actor, when: time, to };
  return { head: { ...head, version, served, pin }, point: { version, served, causes: [], time } };
}

/** Part of a snapshot is never served. MeshError `block-damaged`. */
async function assertWhole(
  { documents }: FunctionParts,
  cluster: string,
  root: Point["served"]["root"],
): Promise<void> {
  const blocks = createBlockStore(documents, cluster);
  await blocks.loadResources(versionsOf((await blocks.loadSnapshot(root)).index));
}

async function changeOf(
  { documents }: FunctionParts,
  cluster: string,
  { before, point }: { readonly before: Head; readonly point: Point },
): Promise<Change> {
  const blocks = createBlockStore(documents, cluster);
  const load = async (root: Point["served"]["root"] | undefined): Promise<Snapshot | undefined> =>
    root === undefined ? undefined : blocks.loadSnapshot(root);
  const [old, now] = [await load(before.served?.root), await load(point.served.root)];
  const difference = old && now ? compareSnapshots(old, now) : { added: [], changed: [], removed: [] };
  return {
    version: point.version,
    causes: [],
    moreCauses: 0,
    resources: {
      added: difference.added.length,
      changed: difference.changed.length,
      removed: difference.removed.length,
    },
    stages: [{ stage: "published", time: point.time }],
  };
}

function refused(why: string): MeshError {
  return new MeshError("precondition-failed", why);
}
