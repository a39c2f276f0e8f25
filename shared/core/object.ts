import type { JsonObject } from "./canonical.ts";

/** Which Kubernetes object, or which object of our own (group `weft.dev`), is meant. `namespace` is '' for cluster-scoped kinds. */
export interface ObjectKey {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * An object as the mesh sees it. `body` is normalised (see normalise.ts): status, managed fields and everything the mesh does
 * not read are gone, so two equal bodies mean the same to every reader.
 */
export interface MeshObject {
  readonly key: ObjectKey;
  readonly uid: string;
  readonly body: JsonObject;
}

/** `group/kind/namespace/name`: sorts by kind, then namespace, then name; none of the parts can hold a slash. */
export function objectKeyText(key: ObjectKey): string {
  return `${key.group}/${key.kind}/${key.namespace}/${key.name}`;
}

export function parseObjectKey(text: string): ObjectKey {
  const [group = "", kind = "", namespace = "", name = ""] = text.split("/");
  return { group, kind, namespace, name };
}

/** In the order of their texts. */
export function compareObjectKeys(a: ObjectKey, b: ObjectKey): number {
  if (a === b) return 0;
  return (
    compareParts(a.group, b.group) ||
    compareParts(a.kind, b.kind) ||
    compareParts(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  );
}

/** As they stand in a text, before a slash: it comes after `-` and `.`, so the longer of two may be the lesser. */
function compareParts(a: string, b: string): number {
  return a === b ? 0 : compareText(`${a}/`, `${b}/`);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
