/** Checking a value against a schema, with the words that kubectl users know. */
import type { Fault } from "../api-error.ts";
import { isRecord, sameJson } from "../json.ts";
import { propertySchema, resolve, type Schema } from "./schema.ts";

/** Faults of a value at a path (for the root: ""). */
export function validate(value: unknown, declared: Schema, path: string): readonly Fault[] {
  const schema = resolve(declared);
  if (value === null && (schema.nullable === true || schema.type === undefined)) return [];
  const ofType = typeFaults(value, schema, path);
  if (ofType.length > 0) return ofType;
  return [
    ...enumFaults(value, schema, path),
    ...(typeof value === "string" ? stringFaults(value, schema, path) : []),
    ...(typeof value === "number" ? numberFaults(value, schema, path) : []),
    ...(Array.isArray(value) ? arrayFaults(value, schema, path) : []),
    ...(isRecord(value) ? objectFaults(value, schema, path) : []),
    ...combinationFaults(value, schema, path),
  ];
}

/** The JSON type of a value in the words of OpenAPI. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

const shown = (value: unknown): string => JSON.stringify(value) ?? "null";

const faulty = (field: string, value: unknown, why: string): Fault => ({
  field,
  type: "FieldValueInvalid",
  detail: `Invalid value: ${shown(value)}: ${field} in body ${why}`,
});

function typeFaults(value: unknown, schema: Schema, path: string): Fault[] {
  const found = typeName(value);
  if (schema["x-kubernetes-int-or-string"] || schema.format === "int-or-string") {
    return found === "integer" || found === "string" ? [] : [wrongType(path, found, "integer,string")];
  }
  if (schema.type === undefined || schema.type === found) return [];
  if (schema.type === "number" && found === "integer") return [];
  return [wrongType(path, found, schema.type)];
}

/** What the real one says of a value without naming its field. */
const nowhere = (why: string): Fault => ({
  field: "<nil>",
  type: "FieldValueInvalid",
  detail: `Invalid value: "": ${why}`,
});

const tooMany = (field: string, found: number, most: number): Fault => ({
  field,
  type: "FieldValueTooMany",
  detail: `Too many: ${found}: must have at most ${most} ${most === 1 ? "item" : "items"}`,
});

const wrongFormat = (field: string, value: unknown, format: string): Fault => ({
  ...faulty(field, value, `must be of type ${format}: ${shown(value)}`),
  type: "FieldValueTypeInvalid",
});

const wrongType = (field: string, found: string, wanted: string): Fault => ({
  field: field === "" ? "<nil>" : field,
  type: "FieldValueTypeInvalid",
  detail: `Invalid value: "${found}": ${field === "" ? "" : `${field} `}in body must be of type ${wanted}: "${found}"`,
});

function enumFaults(value: unknown, schema: Schema, path: string): Fault[] {
  if (schema.enum === undefined || schema.enum.some((allowed) => sameJson(allowed, value))) return [];
  const detail = `Unsupported value: ${shown(value)}: supported values: ${schema.enum.map(shown).join(", ")}`;
  return [{ field: path, type: "FieldValueNotSupported", detail }];
}

const formats: Readonly<Record<string, RegExp>> = {
  "date-time": /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/,
  date: /^\d{4}-\d{2}-\d{2}$/,
  uuid: /^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/,
  ipv4: /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!$)|$)){4}$/,
  duration: /^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$/,
  byte: /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
};

function stringFaults(value: string, schema: Schema, path: string): Fault[] {
  const faults: Fault[] = [];
  const length = Array.from(value).length;
  if (schema.minLength !== undefined && length < schema.minLength) {
    faults.push(faulty(path, value, `should be at least ${schema.minLength} chars long`));
  }
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    const detail = `Too long: may not be more than ${schema.maxLength} bytes`;
    faults.push({ field: path, type: "FieldValueTooLong", detail });
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    faults.push(faulty(path, value, `should match '${schema.pattern}'`));
  }
  const format = schema.format === undefined ? undefined : formats[schema.format];
  if (format !== undefined && !format.test(value)) faults.push(wrongFormat(path, value, schema.format ?? ""));
  return faults;
}

function numberFaults(value: number, schema: Schema, path: string): Fault[] {
  const { minimum, maximum, multipleOf } = schema;
  const faults: Fault[] = [];
  const tooSmall = minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum);
  if (tooSmall) {
    const words = schema.exclusiveMinimum ? "greater than" : "greater than or equal to";
    faults.push(faulty(path, value, `should be ${words} ${minimum}`));
  }
  const tooLarge = maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum);
  if (tooLarge) {
    const words = schema.exclusiveMaximum ? "less than" : "less than or equal to";
    faults.push(faulty(path, value, `should be ${words} ${maximum}`));
  }
  if (multipleOf !== undefined && value % multipleOf !== 0) {
    faults.push(faulty(path, value, `should be a multiple of ${multipleOf}`));
  }
  const bits = { int32: 31, int64: 63 }[schema.format ?? ""];
  if (bits !== undefined && (value >= 2 ** bits || value < -(2 ** bits))) {
    faults.push(nowhere(`Checked value must be of type integer with format ${schema.format} in ${path}`));
  }
  return faults;
}

function arrayFaults(value: readonly unknown[], schema: Schema, path: string): Fault[] {
  const faults: Fault[] = [];
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    faults.push(faulty(path, value.length, `should have at least ${schema.minItems} items`));
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    faults.push(tooMany(path, value.length, schema.maxItems));
  }
  faults.push(...duplicateFaults(value, schema, path));
  const { items } = schema;
  if (items !== undefined) value.forEach((item, index) => faults.push(...validate(item, items, `${path}[${index}]`)));
  return faults;
}

function duplicateFaults(value: readonly unknown[], schema: Schema, path: string): Fault[] {
  const keys = schema["x-kubernetes-list-map-keys"];
  const isMap = schema["x-kubernetes-list-type"] === "map" && keys !== undefined;
  if (!isMap && schema["x-kubernetes-list-type"] !== "set" && !schema.uniqueItems) return [];
  const seen = new Set<string>();
  return value.flatMap((item, index): Fault[] => {
    const identity = isMap && isRecord(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item;
    const text = shown(identity);
    if (!seen.has(text)) {
      seen.add(text);
      return [];
    }
    return [{ field: `${path}[${index}]`, type: "FieldValueDuplicate", detail: `Duplicate value: ${text}` }];
  });
}

function objectFaults(value: Readonly<Record<string, unknown>>, schema: Schema, path: string): Fault[] {
  const below = (key: string): string => (path === "" ? key : `${path}.${key}`);
  const faults: Fault[] = [];
  const embedded = schema["x-kubernetes-embedded-resource"] ? ["apiVersion", "kind"] : [];
  for (const key of [...embedded, ...(schema.required ?? [])]) {
    if (value[key] === undefined) {
      faults.push({ field: below(key), type: "FieldValueRequired", detail: "Required value" });
    }
  }
  const size = Object.keys(value).length;
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    faults.push(faulty(path, size, `should have at least ${schema.minProperties} properties`));
  }
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    faults.push(tooMany(path, size, schema.maxProperties));
  }
  for (const [key, inner] of Object.entries(value)) {
    const property = propertySchema(schema, key);
    if (property !== undefined && inner !== undefined) faults.push(...validate(inner, property, below(key)));
  }
  return faults;
}

function combinationFaults(value: unknown, schema: Schema, path: string): Fault[] {
  const holds = (each: Schema): boolean => validate(value, each, path).length === 0;
  const faults: Fault[] = (schema.allOf ?? []).flatMap((each) => validate(value, each, path));
  const { anyOf, oneOf, not } = schema;
  // With the faults of the nearest alternative, which is the first here.
  const first = (alternatives: readonly Schema[]): readonly Fault[] =>
    alternatives[0] === undefined ? [] : validate(value, alternatives[0], path);
  if (anyOf !== undefined && !anyOf.some(holds)) {
    faults.push(nowhere(`"${path}" must validate at least one schema (anyOf)`), ...first(anyOf));
  }
  const valid = oneOf?.filter(holds).length;
  if (oneOf !== undefined && valid === 0) {
    faults.push(nowhere(`"${path}" must validate one and only one schema (oneOf). Found none valid`), ...first(oneOf));
  } else if (valid !== undefined && valid > 1) {
    const found = `Found ${valid} valid alternatives`;
    faults.push(nowhere(`"${path}" must validate one and only one schema (oneOf). ${found}`));
  }
  if (not !== undefined && holds(not)) faults.push(nowhere(`"${path}" must not validate the schema (not)`));
  return faults;
}
