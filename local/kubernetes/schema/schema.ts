/** The OpenAPI v3 subset of CustomResourceDefinitions, which describes the built-in kinds too. */
import { readFileSync } from "node:fs";

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-group-version-kind"?: readonly { group: string; version: string; kind: string }[];
}

/** Published schemas of the built-in kinds by name, made by from-openapi.ts. */
export const coreSchemas: Readonly<Record<string, Schema>> = JSON.parse(
  readFileSync(new URL("../gen/core-schemas.json", import.meta.url), "utf8"),
);

export const objectMetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** The schema itself, or the one that it refers to. */
export function resolve(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  return coreSchemas[schema.$ref] ?? {};
}

/** Schema of a value below an object's key, or undefined when the key is not declared. */
export function propertySchema(schema: Schema, key: string): Schema | undefined {
  const { properties, additionalProperties } = resolve(schema);
  const property = properties?.[key];
  if (property !== undefined) return property;
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

/** Whether an object of this schema may hold keys that are not declared. */
export function isOpen(schema: Schema): boolean {
  const target = resolve(schema);
  if (target["x-kubernetes-preserve-unknown-fields"] || target.additionalProperties !== undefined) return true;
  // Published schemas leave a value open by declaring nothing about it (RawExtension, FieldsV1, JSON).
  return schema.$ref !== undefined && target.properties === undefined;
}

const names = new Map(
  Object.entries(coreSchemas).flatMap(([name, schema]) =>
    (schema["x-kubernetes-group-version-kind"] ?? []).map((gvk) => [`${gvk.group}/${gvk.version}/${gvk.kind}`, name]),
  ),
);

/** Schema of a built-in kind by its published name. */
export function coreSchema(group: string, version: string, kind: string): Schema {
  const name = names.get(`${group}/${version}/${kind}`);
  if (name === undefined) throw new Error(`no schema for ${group}/${version} ${kind}`);
  return { $ref: name };
}
