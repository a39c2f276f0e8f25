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

function manyOf(name: string, count: number): SealedResource[] {
  return Array.from({ length: count }, (_, index) => resourceOf(`${name}-${index}`));
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
  assert.equal(writes.length, 2, "the leaf, and the root with the branches below it");
  assert.equal((await store.loadTrie(edited.root, large)).root, edited.root);
  assert.equal(reads.length, 2);
  await store.loadTrie(edited.root, edited);
  assert.equal(reads.length, 2);
});

test("a block that is missing or not what its hash says is damage, never part of a trie", async () => {
  const { store, documents, writes } = start();
  await store.putTrie(large);
  const [root, leaf] = writes as [NewDocument, NewDocument];
  await documents.put("blocks", { ...leaf, body: { texts: ['{"entries":[]}'] } });
  await assert.rejects(store.loadTrie(large.root), { code: "block-damaged" });
  await assert.rejects(store.loadTrie("nobody-wrote-it!" as ContentHash), {
    code: "block-damaged",
    message: /missing/,
  });
  assert.equal(root.id, large.root);
});

test("resources go into packs of some hundred KB, and come back by version with their causes", async () => {
  const { store, writes } = start();
  const resources = Array.from({ length: 20 }, (_, index) => resourceOf(`${index}${"x".repeat(20_000)}`));
  await store.putResources(resources);
  const packs = writes.filter(({ id }) => id !== "place");
  assert.equal(packs.length, 2);
  const found = await store.loadResources(resources.map(({ version }) => version));
  for (const { version, body, causes } of resources) {
    assert.deepEqual(found.get(version)?.body, body);
    assert.deepEqual(found.get(version)?.causes, causes);
  }
});

test("a few resources get documents of their own, which one read finds", async () => {
  const { store, reads, writes } = start();
  const [a, b] = [resourceOf("a"), resourceOf("b")];
  await store.putResources([a, b]);
  assert.deepEqual(writes.map(({ id }) => id).sort(), [`resource:${a.version}`, `resource:${b.version}`].sort());
  const found = await store.loadResources([a.version]);
  assert.deepEqual(found.get(a.version), { version: a.version, body: a.body, causes: a.causes });
  assert.equal(reads.length, 1);
  assert.equal((await store.loadResources([])).size, 0);
});

test("a resource larger than a document lies in parts, whatever is put with it, and is whole or damage", async () => {
  const { store, documents, writes } = start();
  const large = resourceOf("l".repeat(3_000_000));
  await store.putResources([large, ...manyOf("small", 20)]);
  const parts = writes.filter(({ id }) => id.startsWith("resource:"));
  assert.equal(parts.length, 4);
  assert.equal(parts.at(-1)?.id, `resource:${large.version}`, "the one that names the others comes last");
  for (const { body } of writes) assert.ok(JSON.stringify(body).length < 1_100_000);
  const found = (await store.loadResources([large.version])).get(large.version);
  assert.deepEqual([found?.body.equals(large.body), found?.causes], [true, large.causes]);
  const [part] = parts as [NewDocument];
  await documents.put("blocks", { ...part, body: { body: "AAAA" } });
  await assert.rejects(store.loadResources([large.version]), { code: "block-damaged", message: /does not match/ });
  await documents.sweeping?.remove("blocks", part.partition, {
    id: part.id,
    etag: (await documents.get("blocks", part.partition, part.id))?.etag ?? "",
  });
  await assert.rejects(store.loadResources([large.version]), { code: "block-damaged", message: /neither in a pack/ });
});

test("of a resource made from very many objects the first are kept as its causes", async () => {
  const { store } = start();
  const cause = {
    group: "access.smi-spec.io",
    kind: "TrafficTarget",
    namespace: "n".repeat(63),
    name: "t".repeat(253),
  };
  const resource = { ...resourceOf("l".repeat(3_000_000)), causes: Array.from({ length: 9000 }, () => cause) };
  await store.putResources([resource]);
  assert.equal((await store.loadResources([resource.version])).get(resource.version)?.causes.length, 2000);
});

test("only the packs that hold what is asked for are read, and what lies outside of packs is found beside them", async () => {
  const { store, reads } = start();
  const [few, some, others] = [1, 2, 3].map((set) =>
    Array.from({ length: set === 1 ? 2 : 20 }, (_, index) => resourceOf(`${set}-${index}`)),
  ) as [SealedResource[], SealedResource[], SealedResource[]];
  for (const resources of [few, some, others]) await store.putResources(resources);
  reads.length = 0;
  const wanted = [...few, ...some].map(({ version }) => version);
  assert.deepEqual([...(await store.loadResources(wanted)).keys()].sort(), wanted.sort());
  const places = reads.filter((id) => id === "place").length;
  assert.equal(reads.length - places, 1 + few.length);
});

test("a place that another writes at the same time keeps both", async () => {
  const world = start();
  const rival = createBlockStore(world.documents, "one");
  const [mine, theirs] = ["mine", "theirs"].map((name) => manyOf(name, 300)) as [SealedResource[], SealedResource[]];
  world.beforeBatch = () => rival.putResources(theirs);
  await world.store.putResources(mine);
  const versions = [...mine, ...theirs].map(({ version }) => version);
  assert.equal((await world.store.loadResources(versions)).size, versions.length);
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
  await assert.rejects(store.putResources(manyOf("a", 17)), { code: "precondition-failed" });
  assert.ok(attempts >= 10);
});

test("a resource that is nowhere, absent from its pack, or not what its version says is damage", async () => {
  const { store, documents } = start();
  const [a, b] = [resourceOf("a"), resourceOf("b")];
  await assert.rejects(store.loadResources([a.version]), { code: "block-damaged", message: /neither in a pack nor/ });
  const others = manyOf("other", 20);
  await store.putResources(others);
  const versionOfOther = others[0]?.version as ContentHash;
  const partition = blockPartition("one", versionOfOther);
  const place = await documents.get<{ packs: Record<string, ContentHash> }>("blocks", partition, "place");
  const pack = place?.body.packs[versionOfOther] as ContentHash;
  const point = (to: ContentHash) =>
    documents.put("blocks", {
      id: "place",
      partition: blockPartition("one", b.version),
      body: { packs: { [b.version]: to } },
    });
  await point(pack);
  await assert.rejects(store.loadResources([b.version]), { code: "block-damaged", message: /neither in a pack nor/ });
  const entry = { version: b.version, body: Buffer.from("other").toString("base64"), causes: [] };
  const forged = JSON.stringify([entry]);
  const hash = contentHash(forged);
  await documents.put("blocks", { id: hash, partition: blockPartition("one", hash), body: { text: forged } });
  await point(hash);
  const damage = { code: "block-damaged", message: /does not match its version/ };
  await assert.rejects(store.loadResources([b.version]), damage);
  const single = { id: `resource:${b.version}`, partition: blockPartition("one", b.version), body: entry };
  await documents.put("blocks", single);
  await assert.rejects(store.loadResources([b.version]), damage);
  await documents.put("blocks", { id: pack, partition: blockPartition("one", pack), body: { text: forged } });
  await assert.rejects(store.loadResources(others.map(({ version }) => version)), { code: "block-damaged" });
});

test("a snapshot is read whole, and only what is new of it", async () => {
  const { store, reads, writes } = start();
  const view = (key: string, resources: readonly SealedResource[]) => ({
    workload: { key } as unknown as WorkloadClass,
    resources,
  });
  const all = manyOf("shared", 3000);
  const one = seal([view("a", all)]);
  const two = seal([view("a", all.slice(1)), view("b", all.slice(0, 5))]);
  await store.putSnapshot(one);
  writes.length = 0;
  await store.putSnapshot(two, one);
  const first = await store.loadSnapshot(one.index.root);
  assert.deepEqual([first.index.root, [...first.sets.keys()]], [one.index.root, [...one.sets.keys()]]);
  reads.length = 0;
  const second = await store.loadSnapshot(two.index.root, first);
  assert.deepEqual([...second.sets.keys()], [...two.sets.keys()]);
  assert.equal(reads.length, writes.length);
  assert.ok(reads.length <= 5, "root and two leaves of the index, root and leaf of the set");
});
