/** Deletes objects whose owners are all gone, and serves the propagation policies of deletions. */
import type { KubernetesObject } from "../object.ts";
import { deleteObject } from "../operations/delete.ts";
import { releaseFinalizer } from "../operations/finalizers.ts";
import type { Change } from "../store/object-store.ts";
import type { World } from "../world.ts";
import { createWorkQueue } from "./work-queue.ts";

/** Where an object lies. */
interface Place {
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly name: string;
}

const background = {
  gracePeriodSeconds: undefined,
  propagation: "Background",
  uid: undefined,
  resourceVersion: undefined,
  dryRun: false,
} as const;

const owners = (object: KubernetesObject | undefined): readonly string[] =>
  (object?.metadata.ownerReferences ?? []).map(({ uid }) => uid);

/** Which objects there are, by uid, and which have which owner. */
function createOwnership(): {
  places: ReadonlyMap<string, Place>;
  dependents(owner: string): readonly string[];
  note(change: Pick<Change, "type" | "collection" | "object" | "previous">): void;
} {
  const places = new Map<string, Place>();
  const owned = new Map<string, Set<string>>();
  return {
    places,
    dependents: (owner) => [...(owned.get(owner) ?? [])],
    note({ type, collection, object, previous }) {
      const { uid, namespace, name } = object.metadata;
      for (const owner of owners(previous)) {
        const set = owned.get(owner);
        set?.delete(uid);
        if (set?.size === 0) owned.delete(owner);
      }
      if (type === "DELETED") {
        places.delete(uid);
        return;
      }
      places.set(uid, { collection, namespace, name });
      for (const owner of owners(object)) {
        const set = owned.get(owner) ?? new Set();
        owned.set(owner, set.add(uid));
      }
    },
  };
}

export function startGarbageCollector(world: World): Disposable {
  const { store, registry } = world;
  const ownership = createOwnership();
  const objectAt = (uid: string): { place: Place; object: KubernetesObject } | undefined => {
    const place = ownership.places.get(uid);
    const object = place === undefined ? undefined : store.get(place.collection, place.namespace, place.name);
    return place === undefined || object === undefined ? undefined : { place, object };
  };
  const remove = ({ collection, namespace, name }: Place): void => {
    const [kind] = registry.ofCollection(collection);
    if (kind !== undefined) deleteObject(world, { kind, namespace, name, subresource: undefined }, background);
  };
  const disown = (uid: string, owner: string): void => {
    const found = objectAt(uid);
    if (found === undefined) return;
    const { metadata } = found.object;
    const ownerReferences = (metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner);
    const { ownerReferences: _, ...rest } = metadata;
    const left = ownerReferences.length === 0 ? rest : { ...rest, ownerReferences };
    store.put(found.place.collection, { ...found.object, metadata: left });
  };
  /** A dependent goes when none of its owners is left; otherwise it only loses those that are gone. */
  const collectDependent = (uid: string): void => {
    const found = objectAt(uid);
    if (found === undefined || found.object.metadata.deletionTimestamp !== undefined) return;
    const references = found.object.metadata.ownerReferences ?? [];
    const gone = references.filter((reference) => !ownership.places.has(reference.uid));
    if (gone.length === 0) return;
    if (gone.length === references.length) remove(found.place);
    else for (const reference of gone) disown(uid, reference.uid);
  };
  const workOnDeletion = (uid: string): void => {
    const found = objectAt(uid);
    if (found?.object.metadata.deletionTimestamp === undefined) return;
    const finalizers = found.object.metadata.finalizers ?? [];
    const dependents = ownership.dependents(uid);
    if (finalizers.includes("orphan")) {
      for (const dependent of dependents) disown(dependent, uid);
      releaseFinalizer(world, found.place.collection, found.object, "orphan");
    } else if (finalizers.includes("foregroundDeletion")) {
      for (const dependent of dependents) {
        const child = objectAt(dependent);
        if (child?.object.metadata.deletionTimestamp === undefined && child !== undefined) remove(child.place);
      }
      const left = ownership.dependents(uid).length;
      if (left === 0) releaseFinalizer(world, found.place.collection, found.object, "foregroundDeletion");
    }
  };
  const queue = createWorkQueue((uid) => {
    workOnDeletion(uid);
    collectDependent(uid);
    if (!ownership.places.has(uid)) for (const dependent of ownership.dependents(uid)) collectDependent(dependent);
  });
  const unsubscribe = store.subscribe((change) => {
    ownership.note(change);
    const { uid, ownerReferences, deletionTimestamp } = change.object.metadata;
    const references = ownerReferences ?? [];
    if (change.type === "DELETED" || deletionTimestamp !== undefined || references.length > 0) queue.add(uid);
    if (change.type === "DELETED") for (const owner of references) queue.add(owner.uid);
  });
  for (const collection of store.collections()) {
    for (const object of store.list(collection)) {
      ownership.note({ type: "ADDED", collection, object, previous: undefined });
      queue.add(object.metadata.uid);
    }
  }
  return {
    [Symbol.dispose]() {
      unsubscribe();
      queue[Symbol.dispose]();
    },
  };
}
