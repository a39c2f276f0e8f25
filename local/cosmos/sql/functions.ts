import { isJsonObject, type Json } from "../store/json.ts";
import { equalValues, type Value } from "./values.ts";

type SqlFunction = (...operands: readonly Value[]) => Value;

/** The built-in functions, by upper-case name. Operands of a wrong type give undefined, never an error. */
export const functions: ReadonlyMap<string, SqlFunction> = new Map<string, SqlFunction>([
  ["IS_DEFINED", (value) => value !== undefined],
  ["IS_NULL", (value) => value === null],
  ["IS_STRING", (value) => typeof value === "string"],
  ["IS_NUMBER", (value) => typeof value === "number"],
  ["IS_BOOL", (value) => typeof value === "boolean"],
  ["IS_ARRAY", (value) => Array.isArray(value)],
  ["IS_OBJECT", (value) => isJsonObject(value)],
  ["STARTSWITH", (text, part, ignoreCase) => onTexts([text, part, ignoreCase], (one, other) => one.startsWith(other))],
  ["ENDSWITH", (text, part, ignoreCase) => onTexts([text, part, ignoreCase], (one, other) => one.endsWith(other))],
  ["CONTAINS", (text, part, ignoreCase) => onTexts([text, part, ignoreCase], (one, other) => one.includes(other))],
  ["LOWER", (text) => (typeof text === "string" ? text.toLowerCase() : undefined)],
  ["UPPER", (text) => (typeof text === "string" ? text.toUpperCase() : undefined)],
  ["LENGTH", (text) => (typeof text === "string" ? text.length : undefined)],
  ["ARRAY_LENGTH", (array) => (Array.isArray(array) ? array.length : undefined)],
  ["ARRAY_CONTAINS", arrayContains],
]);

function onTexts(
  [text, part, ignoreCase]: readonly Value[],
  test: (text: string, part: string) => boolean,
): boolean | undefined {
  if (typeof text !== "string" || typeof part !== "string") return undefined;
  return ignoreCase === true ? test(text.toLowerCase(), part.toLowerCase()) : test(text, part);
}

/** With `partial`, an object is found if some element has all its properties. */
function arrayContains(array: Value, wanted: Value, partial: Value): Value {
  if (!Array.isArray(array) || wanted === undefined) return undefined;
  return array.some((element: Json) =>
    partial === true && isJsonObject(wanted) && isJsonObject(element)
      ? Object.entries(wanted).every(([name, value]) => equalValues(element[name], value) === true)
      : equalValues(element, wanted) === true,
  );
}
