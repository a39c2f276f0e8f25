import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ContentHash } from "../brand.ts";
import { emptyTrie, loadTrie, maxBlockBytes, type Trie, trieOf } from "./trie.ts";

const long = JSON.stringify("x".repeat(maxBlockBytes / 4));
const edits = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom(undefined, "1", `{"10":1,"9":[1,2]}`, long)),
  { maxLength: 120 },
);

function apply(trie: Trie, list: readonly (readonly [number, string | undefined])[]): Trie {
  return trie.with(list.map(([key, value]) => [`key-${key}`, value] as const));
}

function asMap(trie: Trie): Map<string, string> {
  return new Map(trie.entries());
}

test("a trie is a map, and its shape depends on its entries alone", () => {
  fc.assert(
    fc.property(edits, (list) => {
      const model = new Map<string, string>();
      for (const [key, value] of list) {
        if (value === undefined) model.delete(`key-${key}`);
        else model.set(`key-${key}`, value);
      }
      const trie = apply(emptyTrie, list);
      assert.deepEqual(asMap(trie), model);
      assert.equal(trie.size, model.size);
      const rebuilt = trieOf([...model].reverse());
      assert.equal(rebuilt.root, trie.root);
      assert.deepEqual([...rebuilt.blocks()], [...trie.blocks()]);
      for (const [key, value] of model) assert.equal(trie.get(key), value);
    }),
  );
});

test("loadTrie() reads back what blocks() gave, and names what is missing", () => {
  fc.assert(
    fc.property(edits, (list) => {
      const trie = apply(emptyTrie, list);
      const blocks = new Map(trie.blocks());
      const loaded = loadTrie(trie.root, (hash) => blocks.get(hash));
      assert.ok("trie" in loaded);
      assert.equal(loaded.trie.root, trie.root);
      assert.deepEqual(asMap(loaded.trie), asMap(trie));
      const lost = [...blocks.keys()].at(-1);
      if (lost === undefined) return;
      blocks.delete(lost);
      assert.deepEqual(
        loadTrie(trie.root, (hash) => blocks.get(hash)),
        { missing: [lost] },
      );
    }),
  );
});

test("loadTrie() asks for nothing that a known trie has at the same place", () => {
  const before = trieOf(Array.from({ length: 2000 }, (_, index) => [`key${index}`, JSON.stringify("x".repeat(100))]));
  const after = before.with([["key7", '"other"']]);
  const fresh = new Map(after.blocks(before));
  const asked: ContentHash[] = [];
  const read = (hash: ContentHash): string | undefined => {
    asked.push(hash);
    return fresh.get(hash);
  };
  const loaded = loadTrie(after.root, read, before);
  assert.ok("trie" in loaded);
  assert.equal(loaded.trie.root, after.root);
  assert.deepEqual([...loaded.trie.entries()], [...after.entries()]);
  assert.deepEqual(new Set(asked), new Set(fresh.keys()));
});

test("loadTrie() refuses a block that is not what its hash says", () => {
  const root = trieOf([["a", "1"]]).root;
  assert.throws(() => loadTrie(root, () => '{"entries":[["a",2]]}'), /does not match/);
  assert.throws(() => loadTrie("nonsense" as ContentHash, () => "{}"), /does not match/);
});

test("compare() gives exactly the difference; blocks(known) all that is new, and of the rest at most what lay elsewhere", () => {
  fc.assert(
    fc.property(edits, edits, (first, second) => {
      const before = apply(emptyTrie, first);
      const after = apply(before, second);
      const replayed = before.with([...before.compare(after)].map(({ key, after: value }) => [key, value] as const));
      assert.equal(replayed.root, after.root);
      const known = new Map(before.blocks());
      const all = new Map(after.blocks());
      const given = new Map(after.blocks(before));
      for (const [hash, text] of given) assert.equal(all.get(hash), text);
      assert.deepEqual(
        [...all.keys()].filter((hash) => !given.has(hash) && !known.has(hash)),
        [],
      );
      if (after.root === before.root) assert.equal(given.size, 0);
    }),
  );
});
