/**
 * The fields of an object as paths, and Kubernetes' FieldsV1 form of a set of paths.
 *
 * A path is a list of elements: `f:name` for a key, `k:{"port":80}` for an item of a list that is a map, `v:"x"` for
 * an item of a list that is a set. Every other list, and a map declared atomic, is one field.
 */
import { isRecord, type JsonRecord } from "../json.ts";
import { propertySchema, resolve, type Schema } from "../schema/schema.ts";

/** The elements of a path, joined. */
export type FieldPath = string;

const separator = "\n";

/** An item of a list that is a map owns itself too, apart from its fields. */
const itself = ".";

/** The element that identifies an item in a list that is merged by keys, or as a set; undefined for an atomic list. */
export function itemElement(item: unknown, schema: Schema | undefined): string | undefined {
  if (schema === undefined) return undefined;
  const type = schema["x-kubernetes-list-type"];
  if (type === "set") return `v:${JSON.stringify(item)}`;
  const keys = schema["x-kubernetes-list-map-keys"];
  if (type !== "map" || keys === undefined || !isRecord(item)) return undefined;
  const { items } = schema;
  const identity = [...keys].sort().map((key) => {
    const fallback = items === undefined ? undefined : resolve(items).properties?.[key]?.default;
    return [key, item[key] ?? fallback];
  });
  return `k:${JSON.stringify(Object.fromEntries(identity))}`;
}

/** Whether a list is a map or a set, whose items are owned one by one. */
export function mergesByItem(schema: Schema | undefined): boolean {
  const type = schema?.["x-kubernetes-list-type"];
  return type === "set" || (type === "map" && schema?.["x-kubernetes-list-map-keys"] !== undefined);
}

const isAtomicMap = (schema: Schema | undefined): boolean =>
  schema !== undefined && (schema["x-kubernetes-map-type"] ?? resolve(schema)["x-kubernetes-map-type"]) === "atomic";

function collect(
  value: unknown,
  schema: Schema | undefined,
  elements: readonly string[],
  found: Map<FieldPath, unknown>,
): void {
  if (isRecord(value) && Object.keys(value).length > 0 && !isAtomicMap(schema)) {
    for (const [key, inner] of Object.entries(value)) {
      if (inner === undefined) continue;
      const below = schema === undefined ? undefined : propertySchema(schema, key);
      collect(inner, below, [...elements, `f:${key}`], found);
    }
    return;
  }
  if (Array.isArray(value) && value.length > 0 && itemElement(value[0], schema) !== undefined) {
    for (const item of value) {
      const element = itemElement(item, schema) ?? "";
      const path = [...elements, element];
      if (element.startsWith("v:")) {
        found.set(path.join(separator), item);
        continue;
      }
      found.set([...path, itself].join(separator), true);
      collect(item, schema?.items, path, found);
    }
    return;
  }
  found.set(elements.join(separator), value);
}

const unowned = new Set(
  [
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
  ].map((field) => ["f:metadata", `f:${field}`].join(separator)),
);

function isOwnable(path: FieldPath): boolean {
  const [first = "", second = ""] = path.split(separator, 2);
  return (
    first !== "f:apiVersion" &&
    first !== "f:kind" &&
    path !== "f:metadata" &&
    !unowned.has([first, second].join(separator))
  );
}

/** The fields of an object that somebody may own, with their values. */
export function fieldsOf(object: JsonRecord, schema: Schema): ReadonlyMap<FieldPath, unknown> {
  const found = new Map<FieldPath, unknown>();
  collect(object, schema, [], found);
  for (const path of found.keys()) if (!isOwnable(path)) found.delete(path);
  return found;
}

/** "f:spec f:ports k:{...}" as people read it: `.spec.ports[port=80]`. */
export function describePath(path: FieldPath): string {
  return path
    .split(separator)
    .filter((element) => element !== itself)
    .map((element) => {
      if (element.startsWith("f:")) return `.${element.slice(2)}`;
      if (element.startsWith("v:")) return `[=${element.slice(2)}]`;
      const keys = Object.entries(JSON.parse(element.slice(2)) as JsonRecord);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
    })
    .join("");
}

export function toFieldsV1(paths: Iterable<FieldPath>): JsonRecord {
  const root: JsonRecord = {};
  for (const path of [...paths].sort()) {
    let here = root;
    for (const element of path.split(separator)) {
      const below = here[element];
      const next: JsonRecord = isRecord(below) ? below : {};
      here[element] = next;
      here = next;
    }
  }
  return root;
}

export function fromFieldsV1(fields: unknown): Set<FieldPath> {
  const paths = new Set<FieldPath>();
  const walk = (value: unknown, elements: readonly string[]): void => {
    const inner = isRecord(value) ? Object.entries(value) : [];
    if (inner.length === 0 && elements.length > 0) paths.add(elements.join(separator));
    for (const [element, below] of inner) walk(below, [...elements, element]);
  };
  walk(fields, []);
  return paths;
}

/** Elements of a path, without the mark that an item owns itself. */
export function pathElements(path: FieldPath): readonly string[] {
  return path.split(separator).filter((element) => element !== itself);
}

/** Whether the path is a status field. */
export function isStatusPath(path: FieldPath): boolean {
  return path === "f:status" || path.startsWith(`f:status${separator}`);
}
