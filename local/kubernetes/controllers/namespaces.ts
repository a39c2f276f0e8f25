/** Gives each namespace what a new one has, and empties those in deletion. */
import { randomUUID } from "node:crypto";
import { apiVersionOf, type Kind } from "../kinds/kind.ts";
import { namespaceKind } from "../kinds/namespace.ts";
import { configMapKind, serviceAccountKind } from "../kinds/plain-kinds.ts";
import { timestamp } from "../object.ts";
import { deleteObject } from "../operations/delete.ts";
import type { World } from "../world.ts";
import { createWorkQueue } from "./work-queue.ts";

/** The kinds whose objects lie in namespaces, each collection once. */
function namespacedKinds({ registry }: World): readonly Kind[] {
  const byCollection = new Map<string, Kind>();
  for (const kind of registry.kinds()) {
    if (kind.namespaced && kind.verbs.includes("delete") && !byCollection.has(kind.collection)) {
      byCollection.set(kind.collection, kind);
    }
  }
  return [...byCollection.values()];
}

const background = {
  gracePeriodSeconds: undefined,
  propagation: "Background",
  uid: undefined,
  resourceVersion: undefined,
  dryRun: false,
} as const;

/** Deletes what is in a namespace; true when nothing is left. */
function emptyNamespace(world: World, namespace: string): boolean {
  let left = 0;
  for (const kind of namespacedKinds(world)) {
    for (const object of world.store.list(kind.collection, namespace)) {
      const { name, deletionTimestamp } = object.metadata;
      if (deletionTimestamp === undefined)
        deleteObject(world, { kind, namespace, name, subresource: undefined }, background);
    }
    left += world.store.list(kind.collection, namespace).length;
  }
  return left === 0;
}

function furnish(world: World, namespace: string, kind: Kind, content: { name: string; fields: object }): void {
  if (world.store.get(kind.collection, namespace, content.name) !== undefined) return;
  world.store.put(kind.collection, {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      name: content.name,
      namespace,
      uid: randomUUID(),
      resourceVersion: "",
      creationTimestamp: timestamp(world.now()),
    },
    ...content.fields,
  });
}

/** @param caCertificate PEM that pods check the API server's certificate with */
export function startNamespaceController(world: World, caCertificate: string): Disposable {
  const queue = createWorkQueue((name) => {
    const namespace = world.store.get(namespaceKind.collection, undefined, name);
    if (namespace === undefined) return;
    if (namespace.metadata.deletionTimestamp === undefined) {
      furnish(world, name, serviceAccountKind, { name: "default", fields: {} });
      furnish(world, name, configMapKind, { name: "kube-root-ca.crt", fields: { data: { "ca.crt": caCertificate } } });
    } else if (emptyNamespace(world, name) && (namespace.metadata.finalizers ?? []).length === 0) {
      world.store.remove(namespaceKind.collection, undefined, name);
    }
  });
  const unsubscribe = world.store.subscribe(({ type, collection, object }) => {
    if (collection === namespaceKind.collection && type !== "DELETED") queue.add(object.metadata.name);
    // A deleted object may have been the last that held its namespace, or one that each namespace has.
    else if (type === "DELETED" && object.metadata.namespace !== undefined) queue.add(object.metadata.namespace);
  });
  for (const { metadata } of world.store.list(namespaceKind.collection)) queue.add(metadata.name);
  return {
    [Symbol.dispose]() {
      unsubscribe();
      queue[Symbol.dispose]();
    },
  };
}
