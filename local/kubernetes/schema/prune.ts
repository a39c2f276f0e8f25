/** Removing what a schema does not declare. */
import { isRecord, type JsonRecord } from "../json.ts";
import { isOpen, objectMetaName, propertySchema, resolve, type Schema } from "./schema.ts";

const metaSchema: Schema = { $ref: objectMetaName };

interface Pruning {
  /** Paths of what was removed, as "spec.rules[0].foo". */
  readonly removed: string[];
  /** Whether null stands for "absent" everywhere, as in the built-in kinds. */
  readonly dropNull: boolean;
}

function pruneRecord(value: JsonRecord, schema: Schema, path: string, pruning: Pruning): JsonRecord {
  const kept: JsonRecord = {};
  const open = isOpen(schema);
  for (const [key, inner] of Object.entries(value)) {
    const below = path === "" ? key : `${path}.${key}`;
    const property = propertySchema(schema, key);
    if (property === undefined) {
      if (open) kept[key] = inner;
      else pruning.removed.push(below);
      continue;
    }
    // Null in a field that may not be null stands for a missing field; a default is then filled in.
    if (inner === null && (pruning.dropNull || !acceptsNull(property))) continue;
    kept[key] = pruneValue(inner, property, below, pruning);
  }
  return kept;
}

function acceptsNull(schema: Schema): boolean {
  const target = resolve(schema);
  return target.nullable === true || (target.type === undefined && isOpen(schema));
}

function embedded(schema: Schema): Schema {
  const { properties } = resolve(schema);
  const meta = { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: metaSchema };
  return { ...resolve(schema), properties: { ...properties, ...meta } };
}

function pruneValue(value: unknown, declared: Schema, path: string, pruning: Pruning): unknown {
  const target = resolve(declared);
  const schema = target["x-kubernetes-embedded-resource"] ? embedded(declared) : declared;
  if (Array.isArray(value)) {
    const { items } = target;
    if (items === undefined) return value;
    return value.map((item, index) => pruneValue(item, items, `${path}[${index}]`, pruning));
  }
  if (!isRecord(value)) return value;
  if (target.properties === undefined && target.additionalProperties === undefined) {
    // A custom resource's bare `type: object` declares no field; every other bare schema leaves the value open.
    const closed = declared.$ref === undefined && target.type === "object" && !isOpen(declared);
    if (!closed && !target["x-kubernetes-embedded-resource"]) return value;
  }
  return pruneRecord(value, schema, path, pruning);
}

/**
 * The object with only what its schema declares, and the paths of what was removed.
 *
 * @param schema of the whole object; apiVersion, kind and metadata are understood for every kind
 */
export function prune(
  object: JsonRecord,
  schema: Schema,
  options: { dropNull: boolean },
): { object: JsonRecord; removed: readonly string[] } {
  const pruning: Pruning = { removed: [], dropNull: options.dropNull };
  const { metadata, ...rest } = object;
  const root = embedded(schema);
  const pruned = pruneRecord(rest, root, "", pruning);
  const meta = isRecord(metadata)
    ? pruneRecord(metadata, metaSchema, "metadata", { removed: pruning.removed, dropNull: true })
    : metadata;
  return { object: { ...pruned, metadata: meta }, removed: pruning.removed };
}
