import { type KindName, kinds, kindText } from "../events/kinds.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { parseObjectKey } from "../object.ts";
import { compareSnapshots, resourceIdsOf, type Snapshot } from "../snapshot/snapshot.ts";
import type { Deletions } from "../state/cluster-state.ts";
import type { Trie } from "../trie/trie.ts";
import { parseResourceId, type ResourceId, type SnapshotType } from "../xds/resource.ts";

/** So many of a kind went, of so many that were there. */
export interface Missing {
  /** Kind of the objects, or type of the resources. */
  readonly kind: string;
  readonly missing: number;
  readonly of: number;
}

/** More than this share of a kind, and at least so many. */
const share = 0.5;
const atLeast = 3;

/**
 * Kinds that the guard does not look at: their absence only narrows access, which must never be held, or, of classes, is a scale-down.
 */
const unguarded: ReadonlySet<string> = new Set(
  ([kinds.trafficTarget, kinds.httpRouteGroup, kinds.tcpRoute, kinds.workloadClass] as readonly KindName[]).map(
    kindText,
  ),
);

/**
 * Mass withdrawal (design.md §5, Guards): what a list that opens an epoch lacks of the state that it replaces, nobody having said that it was deleted
 * (`deleted`: how many of a kind somebody said so of). Empty when there is nothing to hold. Sorted by kind.
 */
export function missingFromList(before: Trie, after: Trie, deleted: Deletions = {}): readonly Missing[] {
  const gone: string[] = [];
  for (const { key, after: now } of before.compare(after)) if (now === undefined) gone.push(kindOf(key));
  if (gone.length < atLeast) return [];
  return massesOf(
    gone,
    [...before.entries()].map(([key]) => kindOf(key)),
    deleted,
  ).filter(({ kind }) => !unguarded.has(kind));
}

/**
 * Mass withdrawal by a change of translator or fleet policy: `before` and `after` are of the same objects. Not counted is what is no longer dialled because
 * nobody may: that only narrows access.
 */
export function lostResources(
  before: Snapshot,
  after: { readonly snapshot: Snapshot; readonly mesh: Mesh },
): readonly Missing[] {
  const { removed } = compareSnapshots(before, after.snapshot);
  if (removed.length < atLeast) return [];
  const closed = closedServices(after.mesh);
  const lost = removed.filter((id) => !closed.has(serviceIn(id)));
  return massesOf(lost.map(typeOf), [...resourceIdsOf(before.index)].map(typeOf));
}

/** For people: "4 of 5 Service, 3 of 4 Namespace". */
export function missingText(missing: readonly Missing[]): string {
  return missing.map(({ kind, missing: count, of }) => `${count} of ${of} ${kind.split("/").at(-1)}`).join(", ");
}

/** Services that nobody may dial. */
function closedServices({ settings, grants, services }: Mesh): ReadonlySet<string> {
  if (settings.mode === "permissive") return new Set();
  const reached = new Set(grants.map(({ to }) => to));
  const closed = services.filter(
    ({ ports }) => !ports.some(({ accounts }) => accounts.some((one) => reached.has(one))),
  );
  return new Set(closed.map(({ key }) => key));
}

function massesOf(gone: readonly string[], present: readonly string[], explained: Deletions = {}): readonly Missing[] {
  const all = Map.groupBy(present, (kind) => kind);
  return [...Map.groupBy(gone, (kind) => kind)]
    .map(([kind, { length }]) => ({
      kind,
      missing: length - (explained[kind] ?? 0),
      of: all.get(kind)?.length ?? length,
    }))
    .filter(({ missing, of }) => missing >= atLeast && missing > of * share)
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

function kindOf(key: string): string {
  return kindText(parseObjectKey(key));
}

function typeOf(id: ResourceId): SnapshotType {
  return parseResourceId(id).type;
}

/** Of a name that begins with `namespace/service/`. */
function serviceIn(id: ResourceId): string {
  return parseResourceId(id).name.split("/").slice(0, 2).join("/");
}
