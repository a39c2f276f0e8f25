import { isJsonObject, type Json } from "../store/json.ts";

/** A value of the query language: JSON, or undefined where a property is missing or an operation has no meaning. */
export type Value = Json | undefined;

/** Equality; false for values of different types, undefined if one side is. */
export function equalValues(left: Value, right: Value): boolean | undefined {
  if (left === undefined || right === undefined) return undefined;
  return sameJson(left, right);
}

/** The order of two numbers, strings or booleans of one type; undefined for everything else. */
export function compareScalars(left: Value, right: Value): number | undefined {
  if (typeof left !== typeof right || left === null || right === null) return undefined;
  if (typeof left === "object" || left === undefined || right === undefined) return undefined;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** A total order of all values, as ORDER BY has it: by type, then by value. */
export function compareForOrder(left: Value, right: Value): number {
  return typeRank(left) - typeRank(right) || (compareScalars(left, right) ?? 0);
}

function sameJson(left: Json, right: Json): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return (
      left.length === right.length && left.every((element: Json, index) => sameJson(element, right[index] ?? null))
    );
  }
  if (isJsonObject(left) && isJsonObject(right)) {
    const names = Object.keys(left);
    if (names.length !== Object.keys(right).length) return false;
    return names.every((name) => Object.hasOwn(right, name) && sameJson(left[name] ?? null, right[name] ?? null));
  }
  return left === right;
}

function typeRank(value: Value): number {
  if (value === undefined) return 0;
  if (value === null) return 1;
  if (typeof value === "boolean") return 2;
  if (typeof value === "number") return 3;
  if (typeof value === "string") return 4;
  return Array.isArray(value) ? 5 : 6;
}
