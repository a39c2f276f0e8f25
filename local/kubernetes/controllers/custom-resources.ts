/** Establishes CustomResourceDefinitions, serves their kinds, and clears away the objects of those in deletion. */
import { at, recordsOf, textOf } from "../json.ts";
import { cleanupFinalizer, customResourceDefinitionKind } from "../kinds/custom-resource-definition.ts";
import { collectionName } from "../kinds/kind.ts";
import { type KubernetesObject, timestamp } from "../object.ts";
import { deleteObject } from "../operations/delete.ts";
import { releaseFinalizer } from "../operations/finalizers.ts";
import type { World } from "../world.ts";
import { createWorkQueue } from "./work-queue.ts";

const { collection } = customResourceDefinitionKind;

export function isEstablished(crd: KubernetesObject): boolean {
  return recordsOf(at(crd, "status", "conditions")).some(
    ({ type, status }) => type === "Established" && status === "True",
  );
}

function establish(world: World, crd: KubernetesObject): void {
  const time = timestamp(world.now());
  const conditions = [
    {
      lastTransitionTime: time,
      message: "no conflicts found",
      reason: "NoConflicts",
      status: "True",
      type: "NamesAccepted",
    },
    {
      lastTransitionTime: time,
      message: "the initial names have been accepted",
      reason: "InitialNamesAccepted",
      status: "True",
      type: "Established",
    },
  ];
  const storedVersions = at(crd, "status", "storedVersions");
  const status = { conditions, acceptedNames: at(crd, "spec", "names"), storedVersions };
  world.store.put(collection, { ...crd, status });
}

const background = {
  gracePeriodSeconds: undefined,
  propagation: "Background",
  uid: undefined,
  resourceVersion: undefined,
  dryRun: false,
} as const;

function clearAway(world: World, crd: KubernetesObject): void {
  const contents = collectionName(textOf(at(crd, "spec", "group")), textOf(at(crd, "spec", "names", "plural")));
  const [kind] = world.registry.ofCollection(contents);
  for (const { metadata } of world.store.list(contents)) {
    const { namespace, name, deletionTimestamp } = metadata;
    if (kind === undefined) world.store.remove(contents, namespace, name);
    else if (deletionTimestamp === undefined)
      deleteObject(world, { kind, namespace, name, subresource: undefined }, background);
  }
  if (world.store.list(contents).length > 0) return;
  const crdNow = world.store.get(collection, undefined, crd.metadata.name);
  if (crdNow !== undefined) releaseFinalizer(world, collection, crdNow, cleanupFinalizer);
}

/** Kinds of definitions that are established already are served when this returns. */
export function startCustomResourceController(world: World): Disposable {
  const { store, registry } = world;
  const queue = createWorkQueue((name) => {
    const crd = store.get(collection, undefined, name);
    if (crd === undefined) return;
    if (crd.metadata.deletionTimestamp !== undefined) clearAway(world, crd);
    else if (!isEstablished(crd)) establish(world, crd);
  });
  const unsubscribe = store.subscribe(({ type, collection: changed, object }) => {
    if (changed !== collection) {
      // The last object of a definition in deletion may have gone.
      if (type === "DELETED" && changed.includes(".")) queue.add(changed);
      return;
    }
    if (type === "DELETED") registry.withdraw(object.metadata.name);
    else if (isEstablished(object)) registry.serve(object);
    if (type !== "DELETED") queue.add(object.metadata.name);
  });
  registry.withdrawAll();
  for (const crd of store.list(collection)) {
    if (isEstablished(crd)) registry.serve(crd);
    queue.add(crd.metadata.name);
  }
  return {
    [Symbol.dispose]() {
      unsubscribe();
      queue[Symbol.dispose]();
    },
  };
}
