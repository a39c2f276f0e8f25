import { conflict, forbidden, type Status, successStatus } from "../api-error.ts";
import { at, listOf, recordOf } from "../json.ts";
import type { Kind } from "../kinds/kind.ts";
import { namespaceKind } from "../kinds/namespace.ts";
import { type KubernetesObject, timestamp } from "../object.ts";
import type { World } from "../world.ts";
import { storedObject } from "./update.ts";
import type { Target } from "./write-options.ts";

/** From the body and the query of a DELETE. */
export interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  readonly propagation: "Background" | "Foreground" | "Orphan";
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly dryRun: boolean;
}

const lasting = ["default", "kube-system", "kube-public", "kube-node-lease"];

function checkPreconditions(kind: Kind, { metadata }: KubernetesObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options;
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`;
    throw conflict(kind, metadata.name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict({ ...kind, plural: kind.kind }, metadata.name, why);
  }
}

/** With the finalizers that the wanted propagation and the kind's own clean-up put on an object in deletion. */
function withFinalizers(object: KubernetesObject, { propagation }: DeleteOptions, kind: Kind): KubernetesObject {
  const byPropagation = { Orphan: ["orphan"], Foreground: ["foregroundDeletion"], Background: [] }[propagation];
  const finalizers = [
    ...new Set([...(object.metadata.finalizers ?? []), ...byPropagation, ...(kind.behaviour.cleanupFinalizers ?? [])]),
  ];
  return finalizers.length === 0 ? object : { ...object, metadata: { ...object.metadata, finalizers } };
}

function marked(object: KubernetesObject, time: string, seconds: number): KubernetesObject {
  const deletion = { deletionTimestamp: time, deletionGracePeriodSeconds: seconds };
  return { ...object, metadata: { ...object.metadata, ...deletion } };
}

/** In deletion already: a shorter grace period counts, a longer one does not. */
function shortened(object: KubernetesObject, time: string, seconds: number): KubernetesObject | undefined {
  const left = object.metadata.deletionGracePeriodSeconds ?? 0;
  return seconds < left ? marked(object, time, seconds) : undefined;
}

/**
 * Removes an object, or marks it as to be deleted while finalizers, a grace period or (for a namespace) its contents
 * hold it.
 *
 * @returns the object as it still stands, or the Status of success when it is gone
 */
export function deleteObject(world: World, target: Target, options: DeleteOptions): KubernetesObject | Status {
  const { kind } = target;
  const old = storedObject(world, target);
  checkPreconditions(kind, old, options);
  if (kind === namespaceKind && lasting.includes(old.metadata.name)) {
    throw forbidden(kind, old.metadata.name, "this namespace may not be deleted");
  }
  const seconds = kind.behaviour.gracePeriod?.(old, options.gracePeriodSeconds) ?? 0;
  const time = timestamp(world.now() + seconds * 1000);
  const inDeletion = old.metadata.deletionTimestamp !== undefined;
  const next = inDeletion
    ? (shortened(old, time, seconds) ?? old)
    : withFinalizers(marked(old, time, seconds), options, kind);
  const { finalizers, deletionGracePeriodSeconds = 0 } = next.metadata;
  const held = (finalizers ?? []).length > 0 || deletionGracePeriodSeconds > 0 || holdsContents(kind, next);
  if (held) {
    const shown =
      kind === namespaceKind ? { ...next, status: { ...recordOf(next["status"]), phase: "Terminating" } } : next;
    const stored = options.dryRun || next === old ? shown : world.store.put(kind.collection, shown);
    return kind.fromStored(stored);
  }
  if (!options.dryRun) world.store.remove(kind.collection, old.metadata.namespace, old.metadata.name);
  // A Pod is answered itself, everything else with a Status.
  if (kind.behaviour.gracePeriod !== undefined) return kind.fromStored(next);
  return successStatus({
    name: old.metadata.name,
    ...(kind.group === "" ? {} : { group: kind.group }),
    kind: kind.plural,
    uid: old.metadata.uid,
  });
}

/** A namespace waits for its controller to delete what is in it. */
function holdsContents(kind: Kind, object: KubernetesObject): boolean {
  return kind === namespaceKind && listOf(at(object, "spec", "finalizers")).length > 0;
}
