/** Reading and comparing parsed JSON. */

export type JsonRecord = Record<string, unknown>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as a record; an empty one for anything else. */
export function recordOf(value: unknown): Readonly<JsonRecord> {
  return isRecord(value) ? value : {};
}

/** The value as a list; an empty one for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value as a list of records; everything else in it is left out. */
export function recordsOf(value: unknown): readonly JsonRecord[] {
  return listOf(value).filter(isRecord);
}

/** The value as a string; "" for anything else. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A string, number or boolean as text; "" for anything else. */
export function scalarText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** The value found by following the keys through nested records; undefined where the way ends. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  let here = value;
  for (const key of keys) {
    if (!isRecord(here)) return undefined;
    here = here[key];
  }
  return here;
}

/** The record below `parent[key]`, put there when it is missing. */
export function ensureRecord(parent: JsonRecord, key: string): JsonRecord {
  const present = parent[key];
  if (isRecord(present)) return present;
  const made: JsonRecord = {};
  parent[key] = made;
  return made;
}

/** Sets `parent[key]` when it is missing. */
export function setDefault(parent: JsonRecord, key: string, value: unknown): void {
  if (parent[key] === undefined || parent[key] === null) parent[key] = value;
}

/** Whether two JSON values are the same; the order of keys does not matter, a missing key and undefined are alike. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) if (!sameJson(a[key], b[key])) return false;
  return true;
}
