import { badRequest } from "./cosmos-error.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** One component; undefined where the document lacks the property (`{}` on the wire). */
export type PartitionKeyComponent = string | number | boolean | null | undefined;

/** The value of a partition key: one component a path of the container. */
export type PartitionKey = readonly PartitionKeyComponent[];

/** A property path, e.g. `["address", "city"]` for `/address/city`. */
export type PropertyPath = readonly string[];

/** Parses `/a/b` or `/"a b"/c`. */
export function parsePropertyPath(path: string): PropertyPath {
  const steps = path.match(/\/(?:"[^"]*"|'[^']*'|[^/]*)/g);
  if (steps === null || steps.join("") !== path) throw badRequest(`The path '${path}' is not valid.`);
  return steps.map((step) => step.slice(1).replace(/^(["'])(.*)\1$/, "$2"));
}

/** The value at a path of a document, or undefined. */
export function valueAt(document: JsonObject, path: PropertyPath): Json | undefined {
  let value: Json | undefined = document;
  for (const step of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** The partition key of a document. Objects and arrays cannot be keys (400). */
export function partitionKeyOf(document: JsonObject, paths: readonly PropertyPath[]): PartitionKey {
  return paths.map((path) => toComponent(valueAt(document, path)));
}

/** Parses the header `x-ms-documentdb-partitionkey`: a JSON array. May be a prefix for hierarchical keys. */
export function parsePartitionKey(text: string, componentCount: number): PartitionKey {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest(`Partition key ${text} is invalid.`);
  }
  if (!Array.isArray(value) || value.length === 0 || value.length > componentCount) {
    throw badRequest(`Partition key ${text} is invalid.`);
  }
  return value.map((component: Json) => toComponent(component));
}

/** Text that is equal exactly for equal keys. */
export function encodePartitionKey(key: PartitionKey): string {
  return JSON.stringify(key.map((component) => (component === undefined ? {} : component)));
}

/** Whether a key begins with the components of another. */
export function startsWithKey(key: PartitionKey, prefix: PartitionKey): boolean {
  return prefix.every((component, index) => index < key.length && key[index] === component);
}

function toComponent(value: Json | undefined): PartitionKeyComponent {
  if (value === undefined || value === null || typeof value !== "object") return value;
  if (isJsonObject(value) && Object.keys(value).length === 0) return undefined;
  throw badRequest("Partition key components must be strings, numbers, booleans or null.");
}
