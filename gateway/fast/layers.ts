import type { ViewResource } from "../../shared/core/stream/view.ts";
import { type EnvoyType, envoyTypes, parseResourceId, type ResourceId } from "../../shared/core/xds/resource.ts";
import type { ClassGroup, Layer } from "./class-group.ts";
import type { PolicyResource } from "./class-policy.ts";
import { type FastEntry, type FastResources, isFast } from "./fast-resources.ts";
import { noResources, withEdits } from "./layered-resources.ts";
import type { PolicyResources } from "./policy-resources.ts";
import { changeOf, mergeChanges, noChanges, type ViewChanges } from "./view-changes.ts";

export interface LayerEdits {
  readonly drop: Iterable<ResourceId>;
  readonly put: Iterable<readonly [ResourceId, PolicyResource]>;
}

/** Makes layers and keeps account of which of them hold what the fast lane makes, so that a change finds its way without a search. */
export interface Layers {
  create(): Layer;
  /** Drops first, and tells what became of it. */
  edit(layer: Layer, edits: LayerEdits): ViewChanges;
  /** One that is in no snapshot. */
  put(layer: Layer, type: EnvoyType, resource: ViewResource): ViewChanges;
  /** These entries came out different; tells each class that has one of them, once. */
  refreshed(entries: readonly FastEntry[]): ReadonlyMap<ClassGroup, ViewChanges>;
  /** Nobody has the layer any more. */
  release(layer: Layer): void;
}

/** By type; null: gone. */
type Edits = Map<EnvoyType, Map<string, ViewResource | null>>;

export function createLayers(fast: FastResources, policy: PolicyResources): Layers {
  const holders = createHolders();
  const editOf = (layer: Layer, { drop, put }: LayerEdits) => {
    const edits: Edits = new Map();
    const dropped: FastEntry[] = [];
    for (const id of drop) {
      const { type, name } = parseResourceId(id);
      const entry = isFast(type) ? layer.entries.get(entryName({ type, name })) : undefined;
      if (!isFast(type)) editsOf(edits, type).set(name, null);
      if (entry === undefined) continue;
      dropped.push(entry);
      holders.letGo(layer, entry);
      for (const resource of entry.resources) editsOf(edits, entry.type).set(resource.name, null);
    }
    let isReachNew = dropped.length > 0;
    for (const [id, resource] of put) {
      const { type, name } = parseResourceId(id);
      if (!isFast(type)) {
        editsOf(edits, type).set(name, policy.resource(type, name, resource));
        continue;
      }
      const entry = fast.hold({ type, name, ...resource });
      isReachNew = true;
      holders.hold(layer, entry);
      for (const made of entry.resources) editsOf(edits, entry.type).set(made.name, made);
    }
    // Now, not before: one that is dropped and put is not made anew.
    for (const entry of dropped) fast.release(entry);
    return { edits, isReachNew };
  };
  return {
    create: emptyLayer,
    edit(layer, wanted) {
      const { edits, isReachNew } = editOf(layer, wanted);
      if (edits.size === 0) return noChanges;
      if (isReachNew) layer.reached = new Set([...layer.entries.values()].flatMap(({ accounts }) => accounts));
      return applied(layer, edits);
    },
    put: (layer, type, resource) => applied(layer, new Map([[type, new Map([[resource.name, resource]])]])),
    refreshed(entries) {
      const byClass = new Map<ClassGroup, ViewChanges>();
      for (const [layer, edits] of editsWith(entries, holders.of)) {
        const changes = applied(layer, edits);
        for (const group of layer.classes) byClass.set(group, mergeChanges(byClass.get(group), changes));
      }
      return byClass;
    },
    release(layer) {
      for (const entry of layer.entries.values()) {
        holders.letGo(layer, entry);
        fast.release(entry);
      }
    },
  };
}

/** Which layers hold what the fast lane makes. */
function createHolders() {
  const holders = new Map<FastEntry, Set<Layer>>();
  return {
    of: (entry: FastEntry): Iterable<Layer> => holders.get(entry) ?? [],
    hold(layer: Layer, entry: FastEntry): void {
      const layers = holders.get(entry) ?? new Set();
      holders.set(entry, layers.add(layer));
      layer.entries.set(entryName(entry.set), entry);
    },
    letGo(layer: Layer, entry: FastEntry): void {
      const layers = holders.get(entry);
      layers?.delete(layer);
      if (layers?.size === 0) holders.delete(entry);
      layer.entries.delete(entryName(entry.set));
    },
  };
}

function emptyLayer(): Layer {
  return {
    classes: new Set(),
    resources: Object.fromEntries(envoyTypes.map((type) => [type, noResources])) as Layer["resources"],
    entries: new Map(),
    reached: new Set(),
  };
}

/** What layers have to change when these entries came out different. */
function editsWith(
  entries: readonly FastEntry[],
  holders: (entry: FastEntry) => Iterable<Layer>,
): ReadonlyMap<Layer, Edits> {
  const byLayer = new Map<Layer, Edits>();
  for (const entry of entries) {
    for (const layer of holders(entry)) {
      const edits: Edits = byLayer.get(layer) ?? new Map();
      byLayer.set(layer, edits);
      for (const { name } of entry.before) editsOf(edits, entry.type).set(name, null);
      for (const resource of entry.resources) editsOf(edits, entry.type).set(resource.name, resource);
    }
  }
  return byLayer;
}

function entryName({ type, name }: Pick<FastEntry["set"], "type" | "name">): string {
  return `${type}|${name}`;
}

function editsOf(edits: Edits, type: EnvoyType): Map<string, ViewResource | null> {
  const own = edits.get(type) ?? new Map<string, ViewResource | null>();
  edits.set(type, own);
  return own;
}

function applied(layer: Layer, edits: Edits): ViewChanges {
  const changes = [...edits].map(([type, own]) => {
    const before = layer.resources[type];
    for (const [name, resource] of own) if ((before.get(name) ?? null) === resource) own.delete(name);
    layer.resources[type] = withEdits(before, own);
    return changeOf(type, [...own.keys()]);
  });
  return mergeChanges(...changes);
}
