import { randomBytes, randomUUID } from "node:crypto";
import { ApiError, alreadyExists, badRequest, forbidden, notFound } from "../api-error.ts";
import { textOf } from "../json.ts";
import type { Kind } from "../kinds/kind.ts";
import { namespaceKind } from "../kinds/namespace.ts";
import { serviceAccountKind } from "../kinds/plain-kinds.ts";
import { podKind } from "../kinds/pod.ts";
import { type KubernetesObject, timestamp } from "../object.ts";
import type { FieldPath } from "../patch/field-paths.ts";
import { trackFields } from "../patch/managed-fields.ts";
import type { World } from "../world.ts";
import { decodeObject } from "./decode-object.ts";
import { checkObject } from "./validate-object.ts";
import type { Target, WriteOptions } from "./write-options.ts";

const suffixLetters = "bcdfghjklmnpqrstvwxz2456789";

/** A name made of a prefix and five letters, as generateName wants it. */
export function generateName(prefix: string): string {
  const suffix = [...randomBytes(5)].map((byte) => suffixLetters[byte % suffixLetters.length]).join("");
  return prefix.slice(0, 58) + suffix;
}

function checkNamespace(world: World, { kind, namespace }: Target, name: string): void {
  if (!kind.namespaced) return;
  const found = world.store.get(namespaceKind.collection, undefined, namespace ?? "");
  if (found === undefined) throw notFound(namespaceKind, namespace ?? "");
  if (found.metadata.deletionTimestamp === undefined) return;
  const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  throw forbidden(kind, name, message, cause);
}

/** A Pod runs under a service account, which must be there before it. */
function checkAccount(world: World, kind: Kind, pod: KubernetesObject): void {
  if (kind !== podKind) return;
  const account = textOf((pod["spec"] as Record<string, unknown>)["serviceAccountName"]);
  const { namespace, name } = pod.metadata;
  if (world.store.get(serviceAccountKind.collection, namespace, account) !== undefined) return;
  const why = `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`;
  throw forbidden(kind, name, why);
}

/** Checks the namespace that the body names, and that none of the server's fields is set. */
function checkMetadata({ kind, namespace }: Target, object: KubernetesObject): void {
  const { metadata } = object;
  if (kind.namespaced && metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (metadata.resourceVersion) throw badRequest("resourceVersion should not be set on objects to be created");
}

/**
 * Stores a new object.
 *
 * @param body as the client sent it
 * @returns the object in the version of the target's kind
 */
export function createObject(
  world: World,
  target: Target,
  { body, options, applied }: { body: unknown; options: WriteOptions; applied?: ReadonlySet<FieldPath> },
): KubernetesObject {
  const { kind, namespace } = target;
  const decoded = decodeObject(body, kind, options);
  checkMetadata(target, decoded);
  const draft = kind.toStored(decoded);
  const now = timestamp(world.now());
  const {
    deletionTimestamp: _,
    deletionGracePeriodSeconds: __,
    managedFields: ___,
    namespace: ____,
    ...metadata
  } = draft.metadata;
  draft.metadata = {
    ...metadata,
    name: metadata.name ?? (metadata.generateName ? generateName(metadata.generateName) : ""),
    ...(kind.namespaced && namespace !== undefined ? { namespace } : {}),
    uid: randomUUID(),
    resourceVersion: "",
    creationTimestamp: now,
    ...(kind.behaviour.generation ? { generation: 1 } : {}),
  };
  if (kind.hasStatus) delete draft["status"];
  checkNamespace(world, target, draft.metadata.name);
  kind.behaviour.prepare?.(draft, undefined, world);
  checkObject(world, kind, { object: kind.custom ? kind.fromStored(draft) : draft, old: undefined });
  checkAccount(world, kind, draft);
  if (world.store.get(kind.collection, draft.metadata.namespace, draft.metadata.name) !== undefined) {
    throw nameTaken(kind, draft.metadata);
  }
  const tracked = trackFields(draft, undefined, { kind, options, subresource: undefined, time: now, applied });
  return kind.fromStored(options.dryRun ? tracked : world.store.put(kind.collection, tracked));
}

function nameTaken(kind: Kind, { name, generateName: prefix }: KubernetesObject["metadata"]): ApiError {
  if (!prefix) return alreadyExists(kind, name);
  const message = `${kind.plural} "${name}" already exists, the server was not able to generate a unique name for the object`;
  return new ApiError({ code: 409, reason: "AlreadyExists", message });
}
