/** Filling in the defaults of a custom resource's schema. */
import { isRecord, type JsonRecord } from "../json.ts";
import { propertySchema, type Schema } from "./schema.ts";

/** Fills in `default` wherever a declared field is missing, from the outside in. Changes the value. */
export function applyDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) for (const item of value) applyDefaults(item, items);
    return;
  }
  if (!isRecord(value)) return;
  fillRecord(value, schema);
  for (const [key, inner] of Object.entries(value)) {
    const property = propertySchema(schema, key);
    if (property !== undefined) applyDefaults(inner, property);
  }
}

function fillRecord(value: JsonRecord, schema: Schema): void {
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined) continue;
    const missing = value[key] === undefined || (value[key] === null && property.nullable !== true);
    if (missing) value[key] = structuredClone(property.default);
  }
}
