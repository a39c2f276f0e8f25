/**
 * Strategic merge patch: a merge patch that knows which lists are merged by a key.
 *
 * The directives `$patch: delete|replace|merge`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>` and
 * `$retainKeys` are understood.
 */
import { isRecord, type JsonRecord, listOf, sameJson } from "../json.ts";
import { propertySchema, resolve, type Schema } from "../schema/schema.ts";

const deletePrefix = "$deleteFromPrimitiveList/";
const orderPrefix = "$setElementOrder/";

function elementSchema(schema: Schema | undefined): Schema | undefined {
  return schema === undefined ? undefined : resolve(schema).items;
}

const without = (patch: JsonRecord, directive: string): JsonRecord =>
  Object.fromEntries(Object.entries(patch).filter(([key]) => key !== directive));

/** The target with the patch merged in. Neither argument is changed. */
export function strategicMerge(target: unknown, patch: JsonRecord, schema: Schema | undefined): JsonRecord {
  if (patch["$patch"] === "replace") return without(patch, "$patch");
  const merged: JsonRecord = isRecord(target) && patch["$patch"] !== "delete" ? { ...target } : {};
  const retained = patch["$retainKeys"];
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(deletePrefix)) {
      const field = key.slice(deletePrefix.length);
      merged[field] = listOf(merged[field]).filter((item) => !listOf(value).some((gone) => sameJson(gone, item)));
    } else if (!key.startsWith("$")) {
      mergeField(merged, key, value, schema);
    }
  }
  for (const [key, order] of Object.entries(patch)) {
    if (key.startsWith(orderPrefix)) reorder(merged, key.slice(orderPrefix.length), listOf(order), schema);
  }
  if (Array.isArray(retained)) {
    for (const key of Object.keys(merged)) if (!retained.includes(key)) delete merged[key];
  }
  return merged;
}

function mergeField(merged: JsonRecord, key: string, value: unknown, schema: Schema | undefined): void {
  const property = schema === undefined ? undefined : propertySchema(schema, key);
  if (value === null) {
    delete merged[key];
  } else if (isRecord(value)) {
    merged[key] = strategicMerge(merged[key], value, property);
  } else if (Array.isArray(value) && mergesLists(property)) {
    merged[key] = mergeLists(listOf(merged[key]), value, property);
  } else {
    merged[key] = value;
  }
}

const mergesLists = (schema: Schema | undefined): schema is Schema =>
  schema?.["x-kubernetes-patch-strategy"]?.split(",").includes("merge") ?? false;

function mergeLists(current: readonly unknown[], patch: readonly unknown[], schema: Schema): unknown[] {
  const mergeKey = schema["x-kubernetes-patch-merge-key"];
  if (mergeKey === undefined) {
    return [...current, ...patch.filter((item) => !current.some((present) => sameJson(present, item)))];
  }
  const items = patch.filter(isRecord);
  if (items.some((item) => item["$patch"] === "replace")) {
    return items.filter((item) => item["$patch"] === undefined);
  }
  const merged = [...current];
  for (const item of items) {
    const index = merged.findIndex((present) => isRecord(present) && sameJson(present[mergeKey], item[mergeKey]));
    if (item["$patch"] === "delete") {
      if (index >= 0) merged.splice(index, 1);
    } else if (index >= 0) {
      merged[index] = strategicMerge(merged[index], item, elementSchema(schema));
    } else {
      merged.push(strategicMerge({}, item, elementSchema(schema)));
    }
  }
  return merged;
}

/** Sorts a list as the patch's author sees it; items that the author does not know keep their places behind. */
function reorder(merged: JsonRecord, field: string, order: readonly unknown[], schema: Schema | undefined): void {
  const list = merged[field];
  if (!Array.isArray(list)) return;
  const property = schema === undefined ? undefined : propertySchema(schema, field);
  const mergeKey = property?.["x-kubernetes-patch-merge-key"];
  const identity = (item: unknown): unknown => (mergeKey !== undefined && isRecord(item) ? item[mergeKey] : item);
  const place = (item: unknown): number => {
    const index = order.findIndex((each) => sameJson(identity(each), identity(item)));
    return index < 0 ? order.length : index;
  };
  merged[field] = [...list].sort((a, b) => place(a) - place(b));
}
