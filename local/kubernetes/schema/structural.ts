/** Whether a schema is structural: what a CustomResourceDefinition must be to be stored. */
import type { Fault } from "../api-error.ts";
import type { Schema } from "./schema.ts";
import { validate } from "./validate.ts";

const types = ["array", "boolean", "integer", "number", "object", "string"];

/** Faults of a schema at a path of the CustomResourceDefinition. */
export function structuralFaults(schema: Schema, path: string): readonly Fault[] {
  const faults = ownFaults(schema, path);
  const children: readonly (readonly [string, Schema])[] = [
    ...Object.entries(schema.properties ?? {}).map(([key, child]) => [`${path}.properties[${key}]`, child] as const),
    ...(schema.items === undefined ? [] : [[`${path}.items`, schema.items] as const]),
    ...(typeof schema.additionalProperties === "object"
      ? [[`${path}.additionalProperties`, schema.additionalProperties] as const]
      : []),
  ];
  return [...faults, ...children.flatMap(([below, child]) => structuralFaults(child, below))];
}

function ownFaults(schema: Schema, path: string): Fault[] {
  const faults: Fault[] = [];
  const untyped = schema["x-kubernetes-int-or-string"] || schema["x-kubernetes-preserve-unknown-fields"];
  if (schema.type === undefined || schema.type === "") {
    const where = path.endsWith("openAPIV3Schema") ? "at the root" : "for specified object fields";
    const detail = `Required value: must not be empty ${where}`;
    if (!untyped) faults.push({ field: `${path}.type`, type: "FieldValueRequired", detail });
  } else if (!types.includes(schema.type)) {
    const detail = `Unsupported value: ${JSON.stringify(schema.type)}: supported values: ${types.map((type) => JSON.stringify(type)).join(", ")}`;
    faults.push({ field: `${path}.type`, type: "FieldValueNotSupported", detail });
  }
  if (schema.type === "array" && schema.items === undefined) {
    faults.push({ field: `${path}.items`, type: "FieldValueRequired", detail: "Required value: must be specified" });
  }
  if (schema.properties !== undefined && schema.additionalProperties !== undefined) {
    const detail = "Forbidden: additionalProperties and properties are mutually exclusive";
    faults.push({ field: `${path}.additionalProperties`, type: "FieldValueForbidden", detail });
  }
  if (schema.additionalProperties === false) {
    const detail = "Forbidden: additionalProperties cannot be set to false";
    faults.push({ field: `${path}.additionalProperties`, type: "FieldValueForbidden", detail });
  }
  if (schema.pattern !== undefined && !isPattern(schema.pattern)) {
    const detail = `Invalid value: ${JSON.stringify(schema.pattern)}: must be a valid regular expression`;
    faults.push({ field: `${path}.pattern`, type: "FieldValueInvalid", detail });
  }
  if (schema.default !== undefined) faults.push(...defaultFaults(schema, path));
  return faults;
}

/** A default must be what its own schema takes. */
function defaultFaults(schema: Schema, path: string): readonly Fault[] {
  return validate(schema.default, schema, "").map((fault) => ({
    ...fault,
    field: `${path}.default${fault.field === "<nil>" || fault.field === "" ? "" : `.${fault.field}`}`,
    detail: fault.detail.replace(": in body must", ":  in body must"),
  }));
}

function isPattern(text: string): boolean {
  try {
    RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}
