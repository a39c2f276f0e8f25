/** The OpenAPI documents: enough for kubectl to validate on the server, to merge by the right keys, and to explain. */
import { createHash } from "node:crypto";
import { noSuchPath } from "../api-error.ts";
import { isRecord, type JsonRecord } from "../json.ts";
import type { Kind } from "../kinds/kind.ts";
import type { Registry } from "../kinds/registry.ts";
import { coreSchemas, objectMetaName, type Schema } from "../schema/schema.ts";
import { serverVersion } from "./version.ts";

const info = { title: "Kubernetes", version: serverVersion.gitVersion };

/** References in the form of the documents; a reference with siblings is wrapped, as it would hide them. */
function published(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((item) => published(item, prefix));
  if (!isRecord(value)) return value;
  const { $ref, ...rest } = value;
  const inner = Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, published(each, prefix)]));
  if (typeof $ref !== "string") return inner;
  const reference = { $ref: `${prefix}${$ref}` };
  return Object.keys(inner).length === 0 ? reference : { ...inner, allOf: [reference] };
}

function schemaName(kind: Kind): string {
  if (!kind.custom) return kind.schema.$ref ?? "";
  return [...kind.group.split(".").reverse(), kind.version, kind.kind].join(".");
}

function customSchema({ schema, group, version, kind }: Kind): Schema {
  const properties = {
    ...schema.properties,
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { $ref: objectMetaName },
  };
  return { ...schema, properties, "x-kubernetes-group-version-kind": [{ group, version, kind }] };
}

function references(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isRecord(value)) return [];
  const own = typeof value["$ref"] === "string" ? [value["$ref"]] : [];
  return [...own, ...Object.values(value).flatMap(references)];
}

/** The schemas of the kinds and all that they refer to, by name. */
function schemasOf(kinds: readonly Kind[], prefix: string): JsonRecord {
  const found = new Map<string, Schema>();
  const wanted: string[] = [];
  for (const kind of kinds) {
    if (kind.custom) {
      const schema = customSchema(kind);
      found.set(schemaName(kind), schema);
      wanted.push(...references(schema));
    } else {
      wanted.push(schemaName(kind));
    }
  }
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const schema = coreSchemas[name];
    if (schema === undefined || found.has(name)) continue;
    found.set(name, schema);
    wanted.push(...references(schema));
  }
  return Object.fromEntries([...found].map(([name, schema]) => [name, published(schema, prefix)]));
}

const patchTypes = (kind: Kind): readonly string[] => [
  "application/apply-patch+yaml",
  "application/json-patch+json",
  "application/merge-patch+json",
  ...(kind.custom ? [] : ["application/strategic-merge-patch+json"]),
];

const writeParameters = ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string", uniqueItems: true },
}));

function pathsOf(kind: Kind): readonly (readonly [string, object])[] {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const collection = kind.namespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : `${root}/${kind.plural}`;
  const { group, version, kind: name } = kind;
  const schema = { $ref: `#/components/schemas/${schemaName(kind)}` };
  const answers = { "200": { description: "OK", content: { "application/json": { schema } } } };
  const operation = (action: string, more: object = {}): object => ({
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind: name },
    responses: answers,
    ...more,
  });
  const body = { requestBody: { content: { "*/*": { schema } } }, parameters: writeParameters };
  const patchBody = {
    requestBody: {
      content: Object.fromEntries(patchTypes(kind).map((type) => [type, { schema: { type: "object" } }])),
    },
    parameters: [...writeParameters, { name: "force", in: "query", schema: { type: "boolean", uniqueItems: true } }],
  };
  const verbs = new Set(kind.verbs);
  const item = {
    ...(verbs.has("get") ? { get: operation("get") } : {}),
    ...(verbs.has("update") ? { put: operation("put", body) } : {}),
    ...(verbs.has("patch") ? { patch: operation("patch", patchBody) } : {}),
    ...(verbs.has("delete") ? { delete: operation("delete", { parameters: writeParameters }) } : {}),
  };
  return [
    [collection, { ...(verbs.has("list") ? { get: operation("list") } : {}), post: operation("post", body) }],
    ...(verbs.has("get") ? [[`${collection}/{name}`, item] as const] : []),
  ];
}

/** The OpenAPI v3 document of one group and version; "api/v1" or "apis/GROUP/VERSION". */
export function openApiV3(registry: Registry, place: string): string {
  const [root, ...rest] = place.split("/");
  const [group, version] = root === "api" ? ["", rest[0]] : rest;
  const kinds = registry.kinds().filter((kind) => kind.group === group && kind.version === version);
  if (kinds.length === 0) throw noSuchPath();
  return JSON.stringify({
    openapi: "3.0.0",
    info,
    paths: Object.fromEntries(kinds.flatMap(pathsOf)),
    components: { schemas: schemasOf(kinds, "#/components/schemas/") },
  });
}

/** Where the documents of the groups are. The hash makes clients fetch a document again when it has changed. */
export function openApiV3Index(registry: Registry): object {
  const places = new Set(
    registry.kinds().map(({ group, version }) => (group === "" ? `api/${version}` : `apis/${group}/${version}`)),
  );
  const paths = [...places].map((place) => {
    const hash = createHash("sha256").update(openApiV3(registry, place)).digest("hex").slice(0, 32).toUpperCase();
    return [place, { serverRelativeURL: `/openapi/v3/${place}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) };
}

/** The OpenAPI v2 document: definitions without paths. */
export function openApiV2(registry: Registry): object {
  return { swagger: "2.0", info, paths: {}, definitions: schemasOf(registry.kinds(), "#/definitions/") };
}

/** A field of a protobuf message that holds bytes, shorter than 128. */
const field = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.of((number << 3) | 2, bytes.length), bytes]);

/** The v2 document in its protobuf form, without definitions: clients that ask for it fall back to what they know. */
export function openApiV2Protobuf(): Buffer {
  const title = field(1, Buffer.from(info.title));
  const version = field(2, Buffer.from(info.version));
  const paths = field(8, Buffer.alloc(0));
  return Buffer.concat([field(1, Buffer.from("2.0")), field(2, Buffer.concat([title, version])), paths]);
}
