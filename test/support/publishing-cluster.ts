import { generateKeyPairSync } from "node:crypto";
import { composeFunctions, type FunctionsApp } from "../../functions/compose.ts";
import { createMemoryDocumentStore } from "../../shared/adapters/memory/document-store.ts";
import {
  type ClusterEvent,
  type ClusterFact,
  eventVersion,
  type Position,
} from "../../shared/core/events/cluster-event.ts";
import { type Envelope, sealEnvelope } from "../../shared/core/events/envelope.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { emptyTrie, type Trie } from "../../shared/core/trie/trie.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import { joinCluster, readHead } from "../../shared/store/cluster-store.ts";
import type { Head, SnapshotPointer } from "../../shared/store/documents.ts";

/** The functions over a memory store, and a publisher for them that signs as the gateway does. */
export interface PublishingCluster {
  readonly documents: DocumentStore;
  readonly functions: FunctionsApp;
  /** Every pointer that was announced. */
  readonly pointers: SnapshotPointer[];
  readonly warnings: string[];
  head(): Promise<Head>;
  seal(event: ClusterEvent): Envelope;
  event(position: Position, fact: ClusterFact): ClusterEvent;
  /** Messages of a whole list in an epoch. */
  list(epoch: number, objects: readonly MeshObject[]): readonly Envelope[];
  applied(position: Position, object: MeshObject): Envelope;
  deleted(position: Position, object: MeshObject): Envelope;
}

const mesh = "weft";

export async function startPublishingCluster(
  options: { readonly cluster?: string; readonly documents?: DocumentStore; readonly now?: () => Date } = {},
): Promise<PublishingCluster> {
  const { cluster = "test", documents = createMemoryDocumentStore() } = options;
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const kid = `key-of-${cluster}`;
  await joinCluster(documents, cluster, {
    kid,
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  });
  const pointers: SnapshotPointer[] = [];
  const warnings: string[] = [];
  const functions = composeFunctions({
    mesh,
    documents,
    snapshots: {
      send: async (_key, messages) => void pointers.push(...(messages as SnapshotPointer[])),
      [Symbol.asyncDispose]: async () => undefined,
    },
    now: options.now ?? (() => new Date("2026-01-01T00:00:00Z")),
    log: { info: () => undefined, warn: (message) => void warnings.push(message) },
    clusterTimeLimit: 60_000,
  });
  const event = (position: Position, fact: ClusterFact): ClusterEvent => ({
    v: eventVersion,
    mesh,
    cluster,
    time: "2026-01-01T00:00:00Z",
    ...position,
    ...fact,
  });
  const seal = (sealed: ClusterEvent): Envelope => sealEnvelope(JSON.stringify(sealed), { kid, privateKey });
  return {
    documents,
    functions,
    pointers,
    warnings,
    event,
    seal,
    async head() {
      const read = await readHead(documents, cluster);
      if (read === undefined) throw new Error("no head");
      return read.head;
    },
    list(epoch, objects) {
      const facts: ClusterFact[] = [{ type: "ListStarted", reason: "test" }];
      for (const object of objects)
        facts.push({ type: "ObjectApplied", object: object.key, uid: object.uid, body: object.body, cause: {} });
      facts.push({ type: "ListEnded", state: trieOfObjects(objects).root });
      return facts.map((fact, index) => seal(event({ epoch, seq: index + 1 }, fact)));
    },
    applied(position, object) {
      const { key, uid, body } = object;
      return seal(event(position, { type: "ObjectApplied", object: key, uid, body, cause: { generation: 1 } }));
    },
    deleted(position, object) {
      const { key, uid } = object;
      return seal(event(position, { type: "ObjectDeleted", object: key, uid, cause: {} }));
    },
  };
}

/** The state that these objects are. */
export function trieOfObjects(objects: readonly MeshObject[]): Trie {
  return emptyTrie.with(objects.map(stateEntry));
}
