import { badRequest, invalid, unsupportedMediaType } from "../api-error.ts";
import { at, isRecord, type JsonRecord } from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import { applyPatch } from "../patch/apply-patch.ts";
import { type FieldPath, fieldsOf } from "../patch/field-paths.ts";
import { jsonPatch } from "../patch/json-patch.ts";
import { mergePatch } from "../patch/merge-patch.ts";
import { strategicMerge } from "../patch/strategic-merge.ts";
import type { World } from "../world.ts";
import { createObject } from "./create.ts";
import { decodeObject } from "./decode-object.ts";
import { commit, nameless, storedObject } from "./update.ts";
import type { Target, WriteOptions } from "./write-options.ts";

export const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
] as const;

export type PatchType = (typeof patchTypes)[number];

interface PatchRequest {
  readonly type: PatchType;
  readonly patch: unknown;
  readonly options: WriteOptions;
}

interface Patched {
  readonly object: unknown;
  /** The fields that a server-side apply names. */
  readonly applied?: ReadonlySet<FieldPath>;
}

function patched(current: KubernetesObject, target: Target, { type, patch, options }: PatchRequest): Patched {
  switch (type) {
    case "application/json-patch+json":
      return { object: jsonPatch(current, patch) };
    case "application/merge-patch+json":
      if (!isRecord(patch)) throw badRequest("a merge patch must be an object");
      return { object: mergePatch(current, patch) };
    case "application/strategic-merge-patch+json":
      if (target.kind.custom) {
        throw unsupportedMediaType(
          "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        );
      }
      if (!isRecord(patch)) throw badRequest("a strategic merge patch must be an object");
      return { object: strategicMerge(current, patch, target.kind.schema) };
    case "application/apply-patch+yaml":
      return applyPatch(current, configurationOf(patch, target), {
        ...options,
        kind: target.kind,
        subresource: target.subresource,
      });
    default:
      return type satisfies never;
  }
}

/** PATCH: changes an object. Server-side apply creates what is missing. */
export function patchObject(
  world: World,
  target: Target,
  request: PatchRequest,
): { object: KubernetesObject; created: boolean } {
  const { kind, namespace, name } = target;
  const { options } = request;
  const applying = request.type === "application/apply-patch+yaml";
  if (
    applying &&
    world.store.get(kind.collection, namespace, name ?? "") === undefined &&
    target.subresource === undefined
  ) {
    const body = configurationOf(request.patch, target);
    const applied = new Set(fieldsOf(body, kind.schema).keys());
    return { object: createObject(world, target, { body, options, applied }), created: true };
  }
  const old = storedObject(world, target);
  const { object, applied } = patched(kind.fromStored(old), target, request);
  const draft = decodeObject(object, kind, options);
  if (draft.metadata.uid && draft.metadata.uid !== old.metadata.uid) {
    const detail = `Invalid value: ${JSON.stringify(draft.metadata.uid)}: field is immutable`;
    throw invalid(kind, old.metadata.name, [{ field: "metadata.uid", type: "FieldValueInvalid", detail }]);
  }
  return { object: commit(world, target, { draft, old, options, applied }), created: false };
}

/** What a server-side apply wants. It names its object itself. */
function configurationOf(patch: unknown, target: Target): JsonRecord {
  if (!isRecord(patch)) throw badRequest("the configuration to apply must be an object");
  if (!at(patch, "metadata", "name")) throw nameless(target);
  return patch;
}
