import type { ContentHash } from "../../shared/core/brand.ts";
import { type ClassEntry, idsOf, type SharedDifference, versionIn } from "../../shared/core/snapshot/snapshot.ts";
import type { ResourceId } from "../../shared/core/xds/resource.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ClassGroup, Layer } from "./class-group.ts";
import { resourceOf } from "./class-policy.ts";
import type { LayerEdits, Layers } from "./layers.ts";
import type { ViewChanges } from "./view-changes.ts";

/** What many classes have, once: a snapshot's sets, and what everyone gets (shared/core/snapshot/snapshot.ts). */
export interface SharedLayers {
  /** For a class of the snapshot in force; undefined when its entry lists what it shares. */
  join(group: ClassGroup, entry: ClassEntry, served: ServedSnapshot): Layer | undefined;
  leave(group: ClassGroup, layer: Layer): void;
  /** Another snapshot is in force; looks at what differs, and tells what became of each layer. */
  serve(served: ServedSnapshot, differences: readonly SharedDifference[]): ReadonlyMap<Layer, ViewChanges>;
}

interface Kept {
  readonly layer: Layer;
  readonly had: (difference: SharedDifference) => boolean;
  readonly has: (difference: SharedDifference) => boolean;
}

export function createSharedLayers(layers: Layers): SharedLayers {
  const byName = new Map<string, Kept>();
  const create = (shared: ClassEntry["shared"], served: ServedSnapshot): Kept => {
    const { index } = served.snapshot;
    const layer = layers.create();
    const ids = [...idsOf(served.snapshot, shared)];
    layers.edit(layer, { drop: [], put: ids.map((id) => [id, resourceOf(served, id, versionIn(index, id))]) });
    if ("everyone" in shared) {
      const name = shared.everyone;
      return {
        layer,
        had: ({ before }) => before?.everyone.includes(name) === true,
        has: ({ after }) => after?.everyone.includes(name) === true,
      };
    }
    return { layer, ...amongIds(new Set(ids)) };
  };
  return {
    join(group, { shared }, served) {
      const name = nameOf(shared);
      if (name === undefined) return undefined;
      const kept = byName.get(name) ?? create(shared, served);
      byName.set(name, kept);
      kept.layer.classes.add(group);
      return kept.layer;
    },
    leave(group, layer) {
      layer.classes.delete(group);
      if (layer.classes.size > 0) return;
      for (const [name, kept] of byName) if (kept.layer === layer) byName.delete(name);
      layers.release(layer);
    },
    serve(served, differences) {
      const changes = new Map<Layer, ViewChanges>();
      for (const { layer, had, has } of byName.values())
        changes.set(layer, layers.edit(layer, editsFor(served, differences, { had, has })));
      return changes;
    },
  };
}

/** What a layer that had and has some of the resources is to drop and to take. */
export function editsFor(
  served: ServedSnapshot,
  differences: readonly SharedDifference[],
  { had, has }: Pick<Kept, "had" | "has">,
): LayerEdits {
  return {
    drop: differences.filter(had).map(({ id }) => id),
    put: differences
      .filter(has)
      .flatMap(({ id, after }) => (after ? [[id, resourceOf(served, id, after.version)] as const] : [])),
  };
}

/** For members that are known by their ids. */
export function amongIds(ids: ReadonlySet<ResourceId>): Pick<Kept, "had" | "has"> {
  return {
    had: ({ id, before }) => before !== undefined && ids.has(id),
    has: ({ id, after }) => after !== undefined && ids.has(id),
  };
}

function nameOf(shared: ClassEntry["shared"]): string | ContentHash | undefined {
  if ("everyone" in shared) return `everyone ${shared.everyone}`;
  return "set" in shared ? shared.set : undefined;
}
