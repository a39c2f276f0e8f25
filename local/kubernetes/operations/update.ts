import { type ApiError, badRequest, conflict, invalid, modifiedSince, notFound } from "../api-error.ts";
import { at, type JsonRecord, sameJson } from "../json.ts";
import type { Kind } from "../kinds/kind.ts";
import { type KubernetesObject, timestamp } from "../object.ts";
import type { FieldPath } from "../patch/field-paths.ts";
import { trackFields } from "../patch/managed-fields.ts";
import type { World } from "../world.ts";
import { createObject } from "./create.ts";
import { decodeObject } from "./decode-object.ts";
import { checkObject } from "./validate-object.ts";
import type { Target, WriteOptions } from "./write-options.ts";

/** The object that a request names. Throws NotFound. */
export function storedObject(world: World, { kind, namespace, name }: Target): KubernetesObject {
  const found = world.store.get(kind.collection, namespace, name ?? "");
  if (found === undefined) throw notFound(kind, name ?? "");
  return found;
}

/** The client must have seen the stored version, if it says which it has seen. */
function checkVersion(kind: Kind, draft: KubernetesObject, old: KubernetesObject): void {
  const { resourceVersion, uid, name } = draft.metadata;
  if (uid && uid !== old.metadata.uid) throw otherObject(kind, draft.metadata, old.metadata.uid);
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) throw conflict(kind, name, modifiedSince);
}

/** The client means an object that is gone, and perhaps another has its name. */
function otherObject(kind: Kind, { namespace, name, uid }: KubernetesObject["metadata"], found: string): ApiError {
  const key = ["", "registry", kind.plural, ...(namespace === undefined ? [] : [namespace]), name].join("/");
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${found}`;
  return conflict(
    kind,
    name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  );
}

/** Fields of metadata that no client changes. */
function keepMetadata(draft: KubernetesObject, old: KubernetesObject): void {
  const { uid, creationTimestamp, resourceVersion, namespace, generation } = old.metadata;
  const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, generation: ___, ...given } = draft.metadata;
  draft.metadata = {
    ...given,
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    creationTimestamp,
    resourceVersion,
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}

/** The parts of an object that a subresource, or all but the subresources, may write. */
function mergeBySubresource(draft: KubernetesObject, old: KubernetesObject, target: Target): KubernetesObject {
  if (target.subresource === "status") {
    return {
      ...old,
      status: draft["status"],
      metadata: { ...old.metadata, managedFields: draft.metadata.managedFields ?? [] },
    };
  }
  if (!target.kind.hasStatus) return draft;
  const { status: _, ...rest } = draft;
  return {
    ...rest,
    metadata: draft.metadata,
    ...(old["status"] === undefined ? {} : { status: old["status"] }),
  } as KubernetesObject;
}

/** Everything but metadata and, where it is a subresource, status. */
function desired(object: KubernetesObject, kind: Kind): JsonRecord {
  const { metadata: _, status, apiVersion: __, ...rest } = object;
  return kind.hasStatus ? rest : { ...rest, status };
}

const withoutBookkeeping = (object: KubernetesObject): unknown => {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
};

interface Commit {
  /** In the version of the target's kind, decoded. */
  readonly draft: KubernetesObject;
  /** As stored. */
  readonly old: KubernetesObject;
  readonly options: WriteOptions;
  /** The fields that a server-side apply names. */
  readonly applied?: ReadonlySet<FieldPath> | undefined;
}

/**
 * Stores a new version of an object, or removes it when the last finalizer of an object in deletion is gone. A draft
 * that changes nothing is not stored.
 */
export function commit(world: World, target: Target, { draft, old, options, applied }: Commit): KubernetesObject {
  const { kind } = target;
  if (draft.metadata.name !== old.metadata.name) {
    const why = `the name of the object (${draft.metadata.name}) does not match the name on the URL (${old.metadata.name})`;
    throw badRequest(why);
  }
  checkVersion(kind, draft, old);
  keepMetadata(draft, old);
  const next = structuredClone(mergeBySubresource(kind.toStored(draft), old, target));
  kind.behaviour.prepare?.(next, old, world);
  checkObject(world, kind, { object: kind.custom ? kind.fromStored(next) : next, old });
  if (kind.behaviour.generation && !sameJson(desired(next, kind), desired(old, kind))) {
    next.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  const time = timestamp(world.now());
  const tracked = trackFields(next, old, { kind, options, subresource: target.subresource, time, applied });
  if (isFinished(tracked)) return finish(world, kind, { object: tracked, options });
  if (sameJson(withoutBookkeeping(tracked), withoutBookkeeping(old)) && sameOwners(tracked, old)) {
    return kind.fromStored(old);
  }
  return kind.fromStored(options.dryRun ? tracked : world.store.put(kind.collection, tracked));
}

/** managedFields without their times. */
const ownersOf = ({ metadata }: KubernetesObject): unknown =>
  (metadata.managedFields ?? []).map((entry) => ({ ...entry, time: undefined }));

/** Whether the same managers own the same fields; times do not count. */
function sameOwners(next: KubernetesObject, old: KubernetesObject): boolean {
  return sameJson(ownersOf(next), ownersOf(old));
}

/** In deletion, and nothing holds it any more. */
export function isFinished({ metadata }: KubernetesObject): boolean {
  const held = (metadata.finalizers ?? []).length > 0 || (metadata.deletionGracePeriodSeconds ?? 0) > 0;
  return metadata.deletionTimestamp !== undefined && !held;
}

function finish(
  world: World,
  kind: Kind,
  { object, options }: { object: KubernetesObject; options: WriteOptions },
): KubernetesObject {
  // A namespace goes when its controller has emptied it.
  const holding = kind.kind === "Namespace" && at(object, "spec", "finalizers") !== undefined;
  if (options.dryRun) return kind.fromStored(object);
  if (holding) return kind.fromStored(world.store.put(kind.collection, object));
  world.store.remove(kind.collection, object.metadata.namespace, object.metadata.name);
  return kind.fromStored(object);
}

/** Every object that is written says its own name. */
export function nameless({ name }: Target): ApiError {
  const why = "was undeterminable: name must be provided";
  return badRequest(`the name of the object (${name} based on URL) ${why}`);
}

/** PUT: replaces an object. Kinds that allow it are created when they are missing. */
export function updateObject(
  world: World,
  target: Target,
  { body, options }: { body: unknown; options: WriteOptions },
): { object: KubernetesObject; created: boolean } {
  const { kind, namespace, name } = target;
  const draft = decodeObject(body, kind, options);
  if (kind.namespaced && draft.metadata.namespace !== undefined && draft.metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (draft.metadata.name === undefined) throw nameless(target);
  if (draft.metadata.name !== name) {
    throw badRequest(`the name of the object (${draft.metadata.name}) does not match the name on the URL (${name})`);
  }
  const old = world.store.get(kind.collection, namespace, name ?? "");
  if (old === undefined) {
    if (!kind.behaviour.createOnUpdate || target.subresource !== undefined) throw notFound(kind, name ?? "");
    if (draft.metadata.uid) throw otherObject(kind, draft.metadata, "");
    // The version that the client saw is gone, and means nothing to a new object.
    const metadata = { ...draft.metadata, resourceVersion: undefined };
    return { object: createObject(world, target, { body: { ...draft, metadata }, options }), created: true };
  }
  if (!draft.metadata.resourceVersion && !kind.behaviour.unconditionalUpdate) {
    const detail = "Invalid value: 0: must be specified for an update";
    const named = { ...kind, kind: kind.plural };
    throw invalid(named, name ?? "", [{ field: "metadata.resourceVersion", type: "FieldValueInvalid", detail }]);
  }
  return { object: commit(world, target, { draft, old, options }), created: false };
}
