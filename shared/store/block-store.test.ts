import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../adapters/memory/document-store.ts";
import type { ContentHash } from "../core/brand.ts";
import { contentHash } from "../core/canonical.ts";
import type { WorkloadClass } from "../core/mesh/mesh.ts";
import { type SealedResource, seal } from "../core/snapshot/snapshot.ts";
import { emptyTrie, type Trie, trieOf } from "../core/trie/trie.ts";
import type { ResourceId } from "../core/xds/resource.ts";
import type { BatchOperation, Container, DocumentStore, NewDocument } from "../ports/document-store.ts";
import { MeshError } from "../shell/mesh-error.ts";
import { createBlockStore } from "./block-store.ts";
import { blockPartition } from "./documents.ts";

/** A memory store that notes what is written and read. */
function start() {
  const documents = createMemoryDocumentStore();
  const writes: NewDocument[] = [];
  const reads: string[] = [];
  const world = { beforeBatch: undefined as (() => Promise<void>) | undefined };
  const noting: DocumentStore = {
    ...documents,
    async get<Body>(container: Container, partition: string, id: string) {
      reads.push(id);
      return documents.get<Body>(container, partition, id);
    },
    async put(container, document) {
      writes.push(document);
      await documents.put(container, document);
    },
    async batch(container: Container, operations: readonly BatchOperation[]) {
      const { beforeBatch } = world;
      world.beforeBatch = undefined;
      await beforeBatch?.();
      await documents.batch(container, operations);
      writes.push(...operations.map(({ document }) => document));
    },
  };
  return Object.assign(world, { documents, writes, reads, store: createBlockStore(noting, "one") });
}

function resourceOf(text: string): SealedResource {
  const body = Buffer.from(text);
  const cause = { group: "", kind: "Service", namespace: "shop", name: text.slice(0, 20) };
  return {
    type: "cluster",
    name: text,
    variant: "",
    id: text as ResourceId,
    body,
    version: contentHash(body),
    causes: [cause],
    references: [],
  };
}

/** More than one block. */
const large: Trie = trieOf(
  Array.from({ length: 800 }, (_, index) => [`key-${index}`, JSON.stringify("x".repeat(100))] as const),
);

function withoutHash(partition: string): string {
  return partition.slice(0, partition.indexOf(":"));
}

test("a trie is stored as blocks, each in the partition of its hash, and read back", async () => {
  const { store, writes } = start();
  await store.putTrie(large);
  assert.ok(writes.length > 3);
  for (const { id, partition } of writes) {
    assert.equal(partition, blockPartition("one", id as ContentHash));
    assert.equal(withoutHash(partition), "one");
  }
  const loaded = await store.loadTrie(large.root);
  assert.equal(loaded.root, large.root);
  assert.deepEqual(new Map(loaded.entries()), new Map(large.entries()));
  assert.equal((await store.loadTrie(emptyTrie.root)).size, 0);
});

test("blocks that are known are neither written nor read again", async () => {
  const { store, writes, reads } = start();
  await store.putTrie(large);
  const edited = large.with([["key-5", '"y"']]);
  writes.length = 0;
  await store.putTrie(edited, large);
  assert.equal(writes.length, 2, "the leaf and the root");
  assert.equal((await store.loadTrie(edited.root, large)).root, edited.root);
  assert.equal(reads.length, 2);
  await store.loadTrie(edited.root, edited);
  assert.equal(reads.length, 2);
});

test("a block that is missing or not what its hash says is damage, never part of a trie", async () => {
  const { store, documents, writes } = start();
  await store.putTrie(large);
  const [root, leaf] = writes as [NewDocument, NewDocument];
  await documents.put("blocks", { ...leaf, body: { text: '{"entries":[]}' } });
  await assert.rejects(store.loadTrie(large.root), { code: "block-damaged" });
  await assert.rejects(store.loadTrie("nobody-wrote-it!" as ContentHash), {
    code: "block-damaged",
    message: /missing/,
  });
  assert.equal(root.id, large.root);
});

test("resources go into packs of some hundred KB, and come back by version with their causes", async () => {
  const { store, writes } = start();
  const resources = Array.from({ length: 10 }, (_, index) => resourceOf(`${index}${"x".repeat(60_000)}`));
  await store.putResources(resources);
  const packs = writes.filter(({ id }) => id !== "place");
  assert.equal(packs.length, 2);
  const found = await store.loadResources(resources.map(({ version }) => version));
  for (const { version, body, causes } of resources) {
    assert.deepEqual(found.get(version)?.body, body);
    assert.deepEqual(found.get(version)?.causes, causes);
  }
});

test("only the packs that hold what is asked for are read", async () => {
  const { store, reads } = start();
  const [a, b] = [resourceOf("a"), resourceOf("b")];
  await store.putResources([a]);
  await store.putResources([b]);
  reads.length = 0;
  assert.deepEqual([...(await store.loadResources([a.version])).keys()], [a.version]);
  assert.equal(reads.filter((id) => id !== "place").length, 1);
  assert.equal((await store.loadResources([])).size, 0);
});

test("a place that another writes at the same time keeps both", async () => {
  const world = start();
  const rival = createBlockStore(world.documents, "one");
  const resources = Array.from({ length: 40 }, (_, index) => resourceOf(`r${index}`));
  const byPartition = Map.groupBy(resources, ({ version }) => blockPartition("one", version));
  const samePartition = [...byPartition.values()].find((found) => found.length > 1) ?? [];
  const [mine, theirs] = samePartition as [SealedResource, SealedResource];
  world.beforeBatch = () => rival.putResources([theirs]);
  await world.store.putResources([mine]);
  world.beforeBatch = () => rival.putResources([theirs]);
  await world.store.putResources([mine]);
  assert.equal((await world.store.loadResources([mine.version, theirs.version])).size, 2);
});

test("a place that is always written by others is given up, not tried for ever", async () => {
  const { documents } = start();
  let attempts = 0;
  const store = createBlockStore(
    {
      ...documents,
      batch() {
        attempts++;
        return Promise.reject(new MeshError("precondition-failed", "another was quicker"));
      },
    },
    "one",
  );
  await assert.rejects(store.putResources([resourceOf("a")]), { code: "precondition-failed" });
  assert.equal(attempts, 10);
});

test("a resource without a place, absent from its pack, or not what its version says is damage", async () => {
  const { store, documents } = start();
  const [a, b] = [resourceOf("a"), resourceOf("b")];
  await assert.rejects(store.loadResources([a.version]), { code: "block-damaged", message: /has no place/ });
  await store.putResources([a]);
  const partition = blockPartition("one", a.version);
  const place = await documents.get<{ packs: Record<string, ContentHash> }>("blocks", partition, "place");
  const pack = place?.body.packs[a.version] as ContentHash;
  await documents.put("blocks", {
    id: "place",
    partition: blockPartition("one", b.version),
    body: { packs: { [b.version]: pack } },
  });
  await assert.rejects(store.loadResources([b.version]), { code: "block-damaged", message: /not in its pack/ });
  const forged = JSON.stringify([{ version: b.version, body: Buffer.from("other").toString("base64"), causes: [] }]);
  const hash = contentHash(forged);
  await documents.put("blocks", { id: hash, partition: blockPartition("one", hash), body: { text: forged } });
  await documents.put("blocks", {
    id: "place",
    partition: blockPartition("one", b.version),
    body: { packs: { [b.version]: hash } },
  });
  await assert.rejects(store.loadResources([b.version]), {
    code: "block-damaged",
    message: /does not match its version/,
  });
});

test("a snapshot is read whole, and only what is new of it", async () => {
  const { store, reads } = start();
  const view = (key: string, ...texts: readonly string[]) => ({
    workload: { key } as unknown as WorkloadClass,
    resources: texts.map((text) => ({ ...resourceOf(text), variant: "" })),
  });
  const one = seal([view("a", "x", "y")]);
  const two = seal([view("a", "x", "y"), view("b", "x", "z")]);
  for (const { index, sets } of [one, two]) {
    await store.putTrie(index);
    for (const set of sets.values()) await store.putTrie(set);
  }
  const first = await store.loadSnapshot(one.index.root);
  assert.deepEqual([first.index.root, [...first.sets.keys()].sort()], [one.index.root, [...one.sets.keys()].sort()]);
  reads.length = 0;
  const second = await store.loadSnapshot(two.index.root, first);
  assert.equal(second.sets.size, two.sets.size);
  assert.equal(reads.length, 2, "the index and the set that is new");
});
