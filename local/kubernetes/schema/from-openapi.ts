/**
 * Rewrites ../gen/core-schemas.json: the schemas of the built-in kinds, out of the OpenAPI documents that Kubernetes
 * publishes with its source (api/openapi-spec/v3, Apache License 2.0). Descriptions are left out.
 *
 *     node local/kubernetes/schema/from-openapi.ts PATH-OF-A-KUBERNETES-SOURCE-TREE
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const roots: Readonly<Record<string, readonly string[]>> = {
  api__v1: ["Namespace", "Service", "ServiceAccount", "Pod", "Secret", "ConfigMap", "Event", "Node", "TokenRequest"],
  "apis__discovery.k8s.io__v1": ["EndpointSlice"],
  "apis__coordination.k8s.io__v1": ["Lease"],
  "apis__events.k8s.io__v1": ["Event"],
  "apis__apiextensions.k8s.io__v1": ["CustomResourceDefinition"],
  "apis__authentication.k8s.io__v1": ["TokenReview", "SelfSubjectReview"],
  "apis__authorization.k8s.io__v1": ["SelfSubjectAccessReview", "SubjectAccessReview"],
};

type Schema = Record<string, unknown>;
const isRecord = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Removes descriptions, shortens references, and unwraps `allOf` of one reference. */
function simplify(schema: Schema): Schema {
  const simple: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "description" && typeof value === "string") continue;
    if (key === "allOf" && Array.isArray(value) && value.length === 1 && isRecord(value[0])) {
      Object.assign(simple, simplify(value[0]));
    } else if (key === "$ref" && typeof value === "string") {
      simple[key] = value.slice("#/components/schemas/".length);
    } else if (key === "properties" && isRecord(value)) {
      simple[key] = Object.fromEntries(
        Object.entries(value).map(([name, property]) => [name, simplify(property as Schema)]),
      );
    } else {
      simple[key] = isRecord(value) && key !== "default" ? simplify(value) : value;
    }
  }
  return simple;
}

function references(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : references(inner),
  );
}

/** The kinds of one document and all that they refer to. */
function collect(folder: string, document: string): Schema {
  const text = readFileSync(join(folder, `${document}_openapi.json`), "utf8");
  const all = (JSON.parse(text) as { components: { schemas: Record<string, Schema> } }).components.schemas;
  const kinds = roots[document] ?? [];
  const wanted = Object.entries(all)
    .filter(([name, schema]) => {
      const kind = (schema["x-kubernetes-group-version-kind"] as { kind: string }[] | undefined)?.[0]?.kind;
      return kind !== undefined && kinds.includes(kind) && name.endsWith(`.${kind}`);
    })
    .map(([name]) => name);
  const found: Schema = {};
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const schema = all[name];
    if (found[name] !== undefined || schema === undefined) continue;
    const simple = simplify(schema);
    found[name] = simple;
    wanted.push(...references(simple));
  }
  return found;
}

const source = process.argv[2];
if (source === undefined) {
  process.stderr.write("usage: node local/kubernetes/schema/from-openapi.ts KUBERNETES-SOURCE-TREE\n");
  process.exitCode = 1;
} else {
  const folder = join(source, "api/openapi-spec/v3");
  const schemas: Schema = Object.assign({}, ...Object.keys(roots).map((document) => collect(folder, document)));
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  const target = new URL("../gen/core-schemas.json", import.meta.url);
  writeFileSync(target, `${JSON.stringify(sorted, null, 1)}\n`);
}
