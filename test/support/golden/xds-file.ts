import type { JsonValue } from "@bufbuild/protobuf";
import { decodeMessage, encodeMessage } from "../../../local/proxies/messages.ts";
import { canonicalJson, contentHash, type Json } from "../../../shared/core/canonical.ts";
import type { AccountKey, ClassKey } from "../../../shared/core/mesh/mesh.ts";
import { objectKeyText, parseObjectKey } from "../../../shared/core/object.ts";
import { type ClassResources, seal } from "../../../shared/core/snapshot/snapshot.ts";
import {
  type Resource,
  type ResourceId,
  resourceId,
  type SnapshotType,
  typeUrls,
} from "../../../shared/core/xds/resource.ts";

/** A snapshot that a person can read: every message decoded, down to the last Any. */
export interface XdsFile {
  /** Of the snapshot's index. */
  readonly root: string;
  readonly classes: readonly ClassFile[];
  /** By id, sorted. */
  readonly resources: readonly ResourceFile[];
}

export interface ClassFile {
  readonly key: ClassKey;
  readonly account: AccountKey;
  readonly resources: readonly ResourceId[];
}

interface ResourceFile {
  readonly type: SnapshotType;
  readonly name: string;
  readonly variant: string;
  readonly version: string;
  /** `group/kind/namespace/name` */
  readonly causes: readonly string[];
  /** `type|name` */
  readonly references: readonly string[];
  readonly body: JsonValue;
}

/** Throws when a view is not closed, and when bytes hold what a reader of the API does not see. */
export function xdsFileOf(views: readonly ClassResources[]): XdsFile {
  const { index } = seal(views);
  const resources = new Map(
    views.flatMap((view) => view.resources).map((resource) => [resourceId(resource), resource]),
  );
  return {
    root: index.root,
    classes: views.map(({ workload: { key, account }, resources: own }) => {
      return { key, account, resources: own.map(resourceId).sort() };
    }),
    resources: [...resources.keys()].sort().flatMap((id) => {
      const resource = resources.get(id);
      return resource === undefined ? [] : [resourceFile(resource)];
    }),
  };
}

function resourceFile(resource: Resource): ResourceFile {
  const { type, name, variant, causes, references } = resource;
  return {
    type,
    name,
    variant,
    version: contentHash(resource.body),
    causes: causes.map(objectKeyText),
    references: references.map((target) => `${target.type}|${target.name}`),
    body: readableBody(resource),
  };
}

function readableBody({ type, body }: Pick<Resource, "type" | "body">): JsonValue {
  if (type === "endpoint-set" || type === "trust-set") return parseBody(body);
  if (type === "headless-set") {
    const set = parseBody(body) as { readonly listenerTemplate: string };
    const template = Buffer.from(set.listenerTemplate, "base64");
    return { ...set, listenerTemplate: readableMessage(typeUrls.listener, template) };
  }
  return readableMessage(typeUrls[type], body);
}

function parseBody(body: Uint8Array): JsonValue {
  return JSON.parse(Buffer.from(body).toString()) as JsonValue;
}

function readableMessage(type: string, body: Uint8Array): JsonValue {
  const json = decodeMessage(type, body);
  // Maps and the contents of an Any may come back in another order, so only the length can be compared.
  if (encodeMessage(type, json).length !== body.length)
    throw new Error(`a ${type} has fields that the API does not know`);
  return typesFirst(json);
}

/** protobuf-es writes the type of an Any behind its content. */
function typesFirst(json: JsonValue): JsonValue {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(typesFirst);
  const members = Object.entries(json).map(([name, value]) => [name, typesFirst(value)] as const);
  return Object.fromEntries(members.toSorted(([a], [b]) => Number(b === "@type") - Number(a === "@type")));
}

/** What a class gets, with bytes made anew from what the file says. */
export function viewIn(file: XdsFile, key: ClassKey): readonly Resource[] {
  const ids = new Set(file.classes.find((candidate) => candidate.key === key)?.resources);
  return file.resources.filter((resource) => ids.has(resourceId(resource))).map(resourceOf);
}

function resourceOf({ type, name, variant, causes, references, body }: ResourceFile): Resource {
  return {
    type,
    name,
    variant,
    body: encodedBody(type, body),
    causes: causes.map(parseObjectKey),
    references: references.map((text) => {
      const bar = text.indexOf("|");
      return { type: text.slice(0, bar) as SnapshotType, name: text.slice(bar + 1) };
    }),
  };
}

function encodedBody(type: SnapshotType, body: JsonValue): Uint8Array {
  if (type === "endpoint-set" || type === "trust-set") return Buffer.from(canonicalJson(body as Json));
  if (type === "headless-set") {
    const { listenerTemplate, ...set } = body as Readonly<Record<string, JsonValue>>;
    const template = Buffer.from(encodeMessage(typeUrls.listener, listenerTemplate ?? null)).toString("base64");
    return Buffer.from(canonicalJson({ ...set, listenerTemplate: template } as Json));
  }
  return encodeMessage(typeUrls[type], body);
}
