import type { ContainerSettings } from "./container-data.ts";
import { badRequest } from "./cosmos-error.ts";
import { isJsonObject, type Json, type JsonObject, textAt } from "./json.ts";
import { type PropertyPath, parsePropertyPath } from "./partition-key.ts";

/** Completes the definition of a container that is to be made; 400 when it has no partition key or one we cannot keep. */
export function parseContainerDefinition(body: JsonObject): JsonObject {
  const partitionKey = body["partitionKey"];
  if (!isJsonObject(partitionKey)) throw badRequest("Partition key paths must be given for a container.");
  const paths = partitionKey["paths"];
  if (!Array.isArray(paths) || paths.length === 0 || paths.length > 3) {
    throw badRequest("A partition key has one to three paths.");
  }
  for (const path of paths) {
    if (typeof path !== "string" || !path.startsWith("/"))
      throw badRequest(`The partition key path ${path} is invalid.`);
    parsePropertyPath(path);
  }
  checkDefaultTtl(body["defaultTtl"]);
  return {
    indexingPolicy: {
      indexingMode: "consistent",
      automatic: true,
      includedPaths: [{ path: "/*" }],
      excludedPaths: [{ path: '/"_etag"/?' }],
    },
    conflictResolutionPolicy: {
      mode: "LastWriterWins",
      conflictResolutionPath: "/_ts",
      conflictResolutionProcedure: "",
    },
    geospatialConfig: { type: "Geography" },
    ...body,
    partitionKey: { ...partitionKey, kind: paths.length > 1 ? "MultiHash" : "Hash", version: 2 },
  };
}

/** A container's definition after it was replaced: its expiry and indexing may change, nothing else (400). */
export function replaceContainerDefinition(current: JsonObject, body: JsonObject): JsonObject {
  for (const name of ["id", "uniqueKeyPolicy"]) {
    if (JSON.stringify(body[name] ?? current[name]) !== JSON.stringify(current[name]))
      throw badRequest(`The ${name} of a container cannot be changed.`);
  }
  const { paths } = current["partitionKey"] as { readonly paths: Json };
  const wanted = body["partitionKey"];
  if (isJsonObject(wanted) && JSON.stringify(wanted["paths"]) !== JSON.stringify(paths))
    throw badRequest("The partition key of a container cannot be changed.");
  checkDefaultTtl(body["defaultTtl"]);
  const { defaultTtl: _before, ...kept } = current;
  const defaultTtl = body["defaultTtl"];
  return {
    ...kept,
    ...(defaultTtl === undefined ? {} : { defaultTtl }),
    indexingPolicy: body["indexingPolicy"] ?? current["indexingPolicy"] ?? null,
  };
}

/** What the data of a container needs to know of its definition. */
export function containerSettings(resource: JsonObject): ContainerSettings {
  const partitionKey = resource["partitionKey"] as { readonly paths: readonly string[] };
  const defaultTtl = resource["defaultTtl"];
  return {
    rid: textAt(resource, "_rid"),
    partitionKeyPaths: partitionKey.paths.map((path) => parsePropertyPath(path)),
    defaultTtl: typeof defaultTtl === "number" ? defaultTtl : undefined,
    uniqueKeys: uniqueKeys(resource["uniqueKeyPolicy"]),
  };
}

function uniqueKeys(policy: Json | undefined): readonly (readonly PropertyPath[])[] {
  const keys = isJsonObject(policy) ? policy["uniqueKeys"] : undefined;
  if (!Array.isArray(keys)) return [];
  return keys.map((key: Json) => {
    const paths = isJsonObject(key) ? key["paths"] : undefined;
    return Array.isArray(paths)
      ? paths.map((path: Json) => parsePropertyPath(typeof path === "string" ? path : ""))
      : [];
  });
}

function checkDefaultTtl(ttl: Json | undefined): void {
  if (ttl === undefined || ttl === -1) return;
  if (typeof ttl === "number" && Number.isInteger(ttl) && ttl > 0) return;
  throw badRequest(`The default ttl ${JSON.stringify(ttl)} is invalid. It must be -1 or a positive integer.`);
}
