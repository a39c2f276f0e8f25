import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../adapters/memory/document-store.ts";
import type { ContentHash } from "../core/brand.ts";
import { trieOf } from "../core/trie/trie.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { createBlockStore } from "./block-store.ts";

const trie = trieOf(Array.from({ length: 2000 }, (_, index) => [`key${index}`, JSON.stringify("x".repeat(100))]));

/** A store, and the ids that were read from it. */
async function storeWith(): Promise<{ readonly documents: DocumentStore; readonly reads: string[] }> {
  const documents = createMemoryDocumentStore();
  await createBlockStore(documents, "c1").putTrie(trie);
  const reads: string[] = [];
  const get: DocumentStore["get"] = (container, partition, id) => {
    reads.push(id);
    return documents.get(container, partition, id);
  };
  return { documents: { ...documents, get }, reads };
}

test("what is expected is read at once, and not again when it is asked for", async () => {
  const { documents, reads } = await storeWith();
  const blocks = createBlockStore(documents, "c1");
  const ids = Array.from(trie.bundles(), ({ hash }) => hash);
  blocks.expect({ blocks: ids, resources: [] });
  assert.deepEqual(reads, ids, "all of them before anybody waits");
  assert.equal((await blocks.loadTrie(trie.root)).root, trie.root);
  assert.deepEqual(reads, ids);
});

test("what was expected wrongly, or too early, is read by whoever asks", async () => {
  const { documents } = await storeWith();
  let isThere = false;
  const lagging: DocumentStore = {
    ...documents,
    get: async (container, partition, id) => (isThere ? documents.get(container, partition, id) : undefined),
  };
  const blocks = createBlockStore(lagging, "c1");
  blocks.expect({ blocks: [trie.root, "nobody-wrote-it!" as ContentHash], resources: [trie.root] });
  await Promise.resolve();
  isThere = true;
  assert.equal((await blocks.loadTrie(trie.root)).root, trie.root);
});
