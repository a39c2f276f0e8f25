import type { ContentHash } from "../brand.ts";
import { canonicalJson, contentHash, type JsonObject } from "../canonical.ts";
import type { Position } from "../events/cluster-event.ts";
import { type MeshObject, type ObjectKey, objectKeyText, parseObjectKey } from "../events/object.ts";
import { emptyTrie, type Trie } from "../trie/trie.ts";

/** How far events are folded into which state. */
export interface ClusterState {
  readonly applied: Position;
  /** Object key text → canonical JSON of StateEntry. */
  readonly objects: Trie;
  /** A list in the making; replaces `objects` at ListEnded, so half a cluster is never compiled. */
  readonly staged?: { readonly position: Position; readonly objects: Trie };
}

interface StateEntry extends JsonObject {
  readonly uid: string;
  readonly hash: ContentHash;
  readonly body: JsonObject;
}

export const emptyClusterState: ClusterState = { applied: { epoch: 0, seq: 0 }, objects: emptyTrie };

/** The trie entry of an object: both sides (publisher and ingest) make the same text, so their state hashes agree. */
export function stateEntry(object: MeshObject): readonly [key: string, value: string] {
  const body = canonicalJson(object.body);
  const entry: StateEntry = { uid: object.uid, hash: contentHash(body), body: object.body };
  return [objectKeyText(object.key), canonicalJson(entry)];
}

/** The body that stands for an object that could not be taken: it compiles as unresolved, which in a security rule closes. */
export function refusedMarker(refusal: { readonly bodyHash: ContentHash; readonly reason: string }): JsonObject {
  return { refused: { bodyHash: refusal.bodyHash, reason: refusal.reason } };
}

export function* objectsOf(objects: Trie): Iterable<MeshObject> {
  for (const [key, value] of objects.entries()) {
    const entry = JSON.parse(value) as StateEntry;
    yield { key: parseObjectKey(key), uid: entry.uid, body: entry.body };
  }
}

export function objectIn(objects: Trie, key: ObjectKey): MeshObject | undefined {
  const value = objects.get(objectKeyText(key));
  if (value === undefined) return undefined;
  const entry = JSON.parse(value) as StateEntry;
  return { key, uid: entry.uid, body: entry.body };
}
