import { randomUUID } from "node:crypto";
import { contentHash } from "../core/canonical.ts";
import { emptyTrie } from "../core/trie/trie.ts";
import type { BatchOperation, DocumentStore } from "../ports/document-store.ts";
import { MeshError } from "../shell/mesh-error.ts";
import {
  type Change,
  type ClusterProblems,
  type Head,
  type LocalServing,
  type PinAct,
  type Point,
  versionedId,
} from "./documents.ts";

/** A head with the etag that the next write must find. */
export interface ReadHead {
  readonly head: Head;
  readonly etag: string;
}

/** What a write of the head brings with it, in one batch of the cluster's partition. */
export interface HeadWrite {
  readonly before: ReadHead;
  readonly head: Omit<Head, "writeId">;
  readonly point?: Point;
  readonly problems?: ClusterProblems;
}

export async function readHead(documents: DocumentStore, cluster: string): Promise<ReadHead | undefined> {
  const stored = await documents.get<Head>("clusters", cluster, "head");
  return stored === undefined ? undefined : { head: stored.body, etag: stored.etag };
}

/**
 * The one compare-and-set (design.md §3). False: another write came first; read again. An unclear answer is settled by reading the head: ours is
 * there when the write id is.
 */
export async function writeHead(documents: DocumentStore, cluster: string, write: HeadWrite): Promise<boolean> {
  const head: Head = { ...write.head, writeId: randomUUID() };
  const put = (id: string, body: object): BatchOperation => ({
    kind: "put",
    document: { id, partition: cluster, body },
  });
  const operations: BatchOperation[] = [
    { kind: "replace", etag: write.before.etag, document: { id: "head", partition: cluster, body: head } },
  ];
  if (write.point !== undefined) operations.push(put(versionedId("point", write.point.version), write.point));
  if (write.problems !== undefined) operations.push(put("problems", write.problems));
  try {
    await documents.batch("clusters", operations);
    return true;
  } catch (thrown) {
    const error = MeshError.from(thrown);
    if (error.code !== "precondition-failed" && error.code !== "unavailable") throw error;
    const now = await readHead(documents, cluster);
    if (now?.head.writeId === head.writeId) return true;
    if (error.code === "unavailable") throw error;
    return false;
  }
}

export async function putChange(documents: DocumentStore, cluster: string, change: Change): Promise<void> {
  await documents.put("changes", { id: versionedId("change", change.version), partition: cluster, body: change });
}

export async function putPinAct(documents: DocumentStore, cluster: string, act: PinAct): Promise<void> {
  const id = `pin:${act.when}-${randomUUID().slice(0, 8)}`;
  await documents.put("changes", { id, partition: cluster, body: act });
}

/** As long as a snapshot can be looked up. Seconds. */
const servedLocallyTtl = 30 * 24 * 3600;

export async function putServedLocally(documents: DocumentStore, cluster: string, served: LocalServing): Promise<void> {
  const id = `local:${contentHash(JSON.stringify([served.from, served.root, served.state]))}`;
  await documents.put("changes", { id, partition: cluster, body: served, ttl: servedLocallyTtl });
}

/** PEM of the public half, or undefined for a key that was never registered. */
export async function readPublisherKey(
  documents: DocumentStore,
  cluster: string,
  kid: string,
): Promise<string | undefined> {
  return (await documents.get<{ readonly publicKey: string }>("clusters", cluster, `key:${kid}`))?.body.publicKey;
}

/**
 * Lets a cluster join: its head and its publisher's public key (PEM). Done by an identity that gateways do not have (design.md §3). A cluster that
 * is there keeps its head; the key is added.
 */
export async function joinCluster(
  documents: DocumentStore,
  cluster: string,
  key: { readonly kid: string; readonly publicKey: string },
): Promise<void> {
  await documents.put("clusters", { id: `key:${key.kid}`, partition: cluster, body: { publicKey: key.publicKey } });
  const head: Head = {
    incarnation: randomUUID(),
    version: 0,
    applied: { epoch: 0, seq: 0 },
    state: emptyTrie.root,
    refused: { count: 0, newest: [] },
    writeId: randomUUID(),
    sweepFloor: 0,
  };
  try {
    await documents.batch("clusters", [{ kind: "create", document: { id: "head", partition: cluster, body: head } }]);
  } catch (error) {
    if (MeshError.from(error).code !== "precondition-failed") throw error;
  }
}
