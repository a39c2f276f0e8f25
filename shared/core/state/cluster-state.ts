import type { ContentHash } from "../brand.ts";
import { canonicalJson, contentHash, isJsonObject, type JsonObject } from "../canonical.ts";
import type { Position } from "../events/cluster-event.ts";
import { type MeshObject, objectKeyText, parseObjectKey } from "../object.ts";
import { emptyTrie, type Trie } from "../trie/trie.ts";

/** How far events are folded into which state. */
export interface ClusterState {
  readonly applied: Position;
  /** Object key text → canonical JSON of StateEntry. */
  readonly objects: Trie;
  /** A list in the making; replaces `objects` at ListEnded, so half a cluster is never compiled. */
  readonly staged?: StagedList;
}

export interface StagedList {
  readonly position: Position;
  readonly objects: Trie;
  /** Objects of the state that the list says were deleted, by `group/kind`: so their absence is explained. */
  readonly deleted?: Deletions;
}

export type Deletions = Readonly<Record<string, number>>;

/** Value of a state trie's entry. */
export interface StateEntry extends JsonObject {
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

/** What a refused marker says; undefined for a body that is none. */
export function readRefusedMarker(
  body: JsonObject,
): { readonly bodyHash: ContentHash; readonly reason: string } | undefined {
  const { refused } = body;
  if (!isJsonObject(refused)) return undefined;
  const { bodyHash, reason } = refused;
  if (typeof bodyHash !== "string" || typeof reason !== "string") return undefined;
  return { bodyHash: bodyHash as ContentHash, reason };
}

export function readStateEntry(value: string): StateEntry {
  return JSON.parse(value) as StateEntry;
}

export function* objectsOf(objects: Trie): Iterable<MeshObject> {
  for (const [key, value] of objects.entries()) {
    const { uid, body } = readStateEntry(value);
    yield { key: parseObjectKey(key), uid, body };
  }
}
