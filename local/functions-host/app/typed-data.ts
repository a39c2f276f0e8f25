import type { TypedData } from "./core-api.ts";

/**
 * How the .NET host turns values into what it sends to the worker (spec/azure.md §1.4, §1.5). The losses are part of it: what
 * the platform drops is dropped here.
 */

export function jsonData(value: unknown): TypedData {
  return { json: JSON.stringify(value) };
}

/** A `string[]`; empty and missing entries disappear unless the app announces `IncludeEmptyEntriesInMessagePayload`. */
export function stringsData(values: readonly (string | undefined)[], keepEmpty: boolean): TypedData {
  const kept = keepEmpty ? values.map((value) => value ?? "") : values.filter((value): value is string => !!value);
  return { collectionString: { string: kept } };
}

/** A `byte[][]`; empty entries disappear as in {@link stringsData}. */
export function bytesData(values: readonly Uint8Array[], keepEmpty: boolean): TypedData {
  return { collectionBytes: { bytes: keepEmpty ? values : values.filter((value) => value.length > 0) } };
}

/** A `long[]`. */
export function longsData(values: readonly number[]): TypedData {
  return { collectionSint64: { sint64: values } };
}

/** Whether the app asked for {@link stringsData} to keep its empty entries. */
export function keepsEmptyEntries(capabilities: Readonly<Record<string, string>>): boolean {
  return capabilities["IncludeEmptyEntriesInMessagePayload"]?.toLowerCase() === "true";
}

/** What an app returned or set as an output, as plain data; `undefined` when it gave nothing. */
export function fromTypedData(data: TypedData | null | undefined): unknown {
  if (data === null || data === undefined) return undefined;
  if (data.json !== undefined) return JSON.parse(data.json);
  return data.string ?? data.bytes ?? data.int ?? data.double;
}
