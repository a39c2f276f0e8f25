/** Server-side apply: the manager's fields are set, those that it no longer names are given up. */
import { ApiError } from "../api-error.ts";
import { isRecord, type JsonRecord, sameJson } from "../json.ts";
import type { Kind } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";
import { propertySchema, type Schema } from "../schema/schema.ts";
import { describePath, type FieldPath, fieldsOf, itemElement, mergesByItem, pathElements } from "./field-paths.ts";
import { type Ownership, ownershipsOf } from "./managed-fields.ts";

interface Applying {
  readonly kind: Kind;
  readonly fieldManager: string;
  readonly subresource: string | undefined;
  /** Take fields over from other managers. */
  readonly force: boolean;
}

/** The object with the configuration merged in, and the fields that the configuration names. Throws ApiError. */
export function applyPatch(
  current: KubernetesObject,
  configuration: JsonRecord,
  applying: Applying,
): { object: JsonRecord; applied: ReadonlySet<FieldPath> } {
  const { schema } = applying.kind;
  const wanted = fieldsOf(configuration, schema);
  const owners = ownershipsOf(current);
  const isOwn = ({ manager, operation, subresource }: Ownership): boolean =>
    manager === applying.fieldManager && operation === "Apply" && subresource === applying.subresource;
  const others = owners.filter((owner) => !isOwn(owner));
  if (!applying.force) refuseConflicts(current, { wanted, others, schema });
  const given = new Set([...(owners.find(isOwn)?.paths ?? [])].filter((path) => !wanted.has(path)));
  const gone = [...given].filter((path) => !others.some(({ paths }) => paths.has(path)));
  const kept = gone.reduce(
    (object, path) => without(object, pathElements(path), schema) as JsonRecord,
    current as JsonRecord,
  );
  return { object: merge(kept, configuration, schema) as JsonRecord, applied: new Set(wanted.keys()) };
}

function refuseConflicts(
  current: KubernetesObject,
  { wanted, others, schema }: { wanted: ReadonlyMap<FieldPath, unknown>; others: readonly Ownership[]; schema: Schema },
): void {
  const present = fieldsOf(current, schema);
  const conflicts = others.flatMap(({ manager, operation, paths }) =>
    [...paths]
      .filter((path) => wanted.has(path) && !sameJson(wanted.get(path), present.get(path)))
      .map((path) => ({ manager, operation, field: describePath(path) })),
  );
  if (conflicts.length === 0) return;
  const [first] = conflicts;
  const words = conflicts.length === 1 ? "1 conflict" : `${conflicts.length} conflicts`;
  const message = `Apply failed with ${words}: conflict with "${first?.manager}"${first?.operation === "Update" ? ` using ${current.apiVersion}` : ""}: ${first?.field}`;
  const causes = conflicts.map(({ manager, field }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with "${manager}"`,
    field,
  }));
  throw new ApiError({ code: 409, reason: "Conflict", message, details: { causes } });
}

/** Merges by the schema: maps by key, lists that are maps or sets by item, everything else as a whole. */
function merge(current: unknown, wanted: unknown, schema: Schema | undefined): unknown {
  if (isRecord(current) && isRecord(wanted)) {
    const merged: JsonRecord = { ...current };
    for (const [key, value] of Object.entries(wanted)) {
      const below = schema === undefined ? undefined : propertySchema(schema, key);
      merged[key] = merge(current[key], value, below);
    }
    return merged;
  }
  if (!Array.isArray(current) || !Array.isArray(wanted)) return wanted;
  if (!mergesByItem(schema)) return wanted;
  const merged: unknown[] = [...current];
  for (const item of wanted) {
    const element = itemElement(item, schema);
    const index = merged.findIndex((each) => itemElement(each, schema) === element);
    if (index < 0) merged.push(item);
    else merged[index] = merge(merged[index], item, schema?.items);
  }
  return merged;
}

/** A copy without the field at a path. */
function without(value: unknown, elements: readonly string[], schema: Schema | undefined): unknown {
  const [first, ...rest] = elements;
  if (first === undefined) return value;
  if (isRecord(value) && first.startsWith("f:")) {
    const key = first.slice(2);
    if (!(key in value)) return value;
    if (rest.length === 0) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
    const below = schema === undefined ? undefined : propertySchema(schema, key);
    return { ...value, [key]: without(value[key], rest, below) };
  }
  if (!Array.isArray(value)) return value;
  const matches = (item: unknown): boolean => itemElement(item, schema) === first;
  if (rest.length === 0) return value.filter((item) => !matches(item));
  return value.map((item) => (matches(item) ? without(item, rest, schema?.items) : item));
}
