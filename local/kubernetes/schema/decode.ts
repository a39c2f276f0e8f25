/** Reading a built-in kind as Go's decoder would: wrong types are refused, times take their stored form. */
import { isRecord } from "../json.ts";
import { timestamp } from "../object.ts";
import { propertySchema, resolve, type Schema } from "./schema.ts";
import { typeName } from "./validate.ts";

const time = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const microTime = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const rfc3339Micro = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(Z|[+-]\d{2}:\d{2})$/;

/** The value cannot be read; the message says where and why. */
export class DecodeError extends Error {}

function decodeTime(value: unknown, schema: Schema, path: string): unknown {
  const [form, layout] =
    schema.$ref === time ? [rfc3339, "2006-01-02T15:04:05Z07:00"] : [rfc3339Micro, "2006-01-02T15:04:05.000000Z07:00"];
  if (typeof value !== "string") throw mismatch(value, "string", path);
  if (!form.test(value)) {
    throw new DecodeError(
      `parsing time ${JSON.stringify(value)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(value)} as "2006"`,
    );
  }
  // Milliseconds are the finest that a Date holds, so microseconds are kept as they were written.
  return schema.$ref === time ? timestamp(Date.parse(value)) : value;
}

/** Go's words for JSON types. */
const goName = (type: string): string => ({ integer: "number", boolean: "bool" })[type] ?? type;

const mismatch = (value: unknown, wanted: string, path: string): DecodeError =>
  new DecodeError(`json: cannot unmarshal ${goName(typeName(value))} into Go struct field .${path} of type ${wanted}`);

function checkScalar(value: unknown, schema: Schema, path: string): void {
  const found = typeName(value);
  const alternatives = schema.oneOf?.flatMap(({ type }) => type ?? []);
  if (schema.format === "int-or-string" || alternatives !== undefined) {
    const accepted = alternatives ?? ["integer", "string"];
    const fits = accepted.includes(found) || (found === "integer" && accepted.includes("number"));
    if (!fits) throw mismatch(value, accepted.join(" or "), path);
    return;
  }
  if (schema.format === "byte" && typeof value === "string") {
    const bad = /^[A-Za-z0-9+/\r\n]*={0,2}$/.test(value) ? -1 : value.search(/[^A-Za-z0-9+/\r\n]/);
    if (bad >= 0) throw new DecodeError(`illegal base64 data at input byte ${bad}`);
  }
  if (schema.type === undefined || schema.type === found) return;
  if (schema.type === "number" && found === "integer") return;
  throw mismatch(value, schema.format ?? schema.type, path);
}

/** The value in its stored form; nulls inside lists stay. Throws DecodeError. */
export function decodeBuiltIn(value: unknown, declared: Schema, path = ""): unknown {
  if (value === null || value === undefined) return value;
  if (declared.$ref === time || declared.$ref === microTime) return decodeTime(value, declared, path);
  const schema = resolve(declared);
  checkScalar(value, schema, path);
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item, index) => decodeBuiltIn(item, items, `${path}[${index}]`));
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const property = propertySchema(schema, key);
      const below = path === "" ? key : `${path}.${key}`;
      return [key, property === undefined ? inner : decodeBuiltIn(inner, property, below)];
    }),
  );
}
