import type { ContentHash } from "../core/brand.ts";
import { contentHash } from "../core/canonical.ts";
import type { ClassKey } from "../core/mesh/mesh.ts";
import { type SealedResource, type Snapshot, setRootOf, setRootsOf } from "../core/snapshot/snapshot.ts";
import { emptyTrie, loadTrie, type Trie } from "../core/trie/trie.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { eachOf } from "../shell/each-of.ts";
import { MeshError } from "../shell/mesh-error.ts";
import { type BlockDocument, blockPartition } from "./documents.ts";
import { createExpectedReads, type FreshDocuments } from "./expected-reads.ts";
import { loadResources, putResources, type StoredResource } from "./resource-store.ts";

export type { StoredResource } from "./resource-store.ts";

const requestsAtOnce = 16;

/** Immutable, content-addressed blocks and resources of one cluster (design.md §4). */
export interface BlockStore {
  /** The trie of `root`, from blocks that `known` holds and from the store. MeshError `block-damaged` when a block is missing or not what its hash says. */
  loadTrie(root: ContentHash, known?: Trie): Promise<Trie>;
  loadSnapshot(root: ContentHash, known?: Snapshot): Promise<Snapshot>;
  /** MeshError `block-damaged` when one cannot be found or is not what its version says. */
  loadResources(versions: Iterable<ContentHash>): Promise<ReadonlyMap<ContentHash, StoredResource>>;
  /** Writes the blocks that `known` does not hold. */
  putTrie(trie: Trie, known?: Trie): Promise<void>;
  /** Index and sets; writes what `known` does not hold. */
  putSnapshot(snapshot: Snapshot, known?: Snapshot): Promise<void>;
  putResources(resources: Iterable<SealedResource>): Promise<void>;
  /** Begins to read what will be asked for soon. What is not there costs a read and no more. */
  expect(fresh: FreshDocuments): void;
}

export function createBlockStore(store: DocumentStore, cluster: string): BlockStore {
  const { documents, begin: expect } = createExpectedReads(store, cluster);
  /** Adds the block, and what is stored with it, to `texts`. */
  const readInto = async (texts: Map<ContentHash, string>, hash: ContentHash): Promise<void> => {
    for (const [one, text] of await readBlocks(documents, cluster, hash)) texts.set(one, text);
  };
  const readTrie = async (root: ContentHash, known?: Trie): Promise<Trie> => {
    if (root === emptyTrie.root) return emptyTrie;
    if (known?.root === root) return known;
    const texts = new Map<ContentHash, string>();
    for (;;) {
      const loaded = loadTrie(root, (hash) => texts.get(hash), known);
      if ("trie" in loaded) return loaded.trie;
      await eachOf(loaded.missing, requestsAtOnce, (hash) => readInto(texts, hash));
    }
  };
  const putTrie = async (trie: Trie, known?: Trie): Promise<void> => {
    await eachOf([...trie.bundles(known)], requestsAtOnce, async ({ hash, texts }) => {
      const body: BlockDocument = { texts };
      await documents.put("blocks", { id: hash, partition: blockPartition(cluster, hash), body });
    });
  };
  return {
    loadTrie: readTrie,
    async loadSnapshot(root, known) {
      const index = await readTrie(root, known?.index);
      const sets = new Map<ContentHash, Trie>();
      await eachOf([...setRootsOf(index, known?.index)], requestsAtOnce, async ([set, key]) => {
        sets.set(set, known?.sets.get(set) ?? (await readTrie(set, setBefore(known, key))));
      });
      return { index, sets };
    },
    loadResources: (versions) => loadResources({ documents, cluster }, versions),
    putTrie,
    async putSnapshot({ index, sets }, known) {
      const putSet = async ([root, key]: readonly [ContentHash, ClassKey]): Promise<void> => {
        const set = sets.get(root);
        if (set !== undefined && !known?.sets.has(root)) await putTrie(set, setBefore(known, key));
      };
      const roots = [...setRootsOf(index, known?.index)];
      await Promise.all([putTrie(index, known?.index), eachOf(roots, requestsAtOnce, putSet)]);
    },
    putResources: (resources) => putResources({ documents, cluster }, resources),
    expect,
  };
}

/** A block with those that are stored with it, by hash. MeshError `block-damaged` when it is missing or not what its hash says. */
export async function readBlocks(
  documents: Pick<DocumentStore, "get">,
  cluster: string,
  hash: ContentHash,
): Promise<ReadonlyMap<ContentHash, string>> {
  const stored = await documents.get<BlockDocument>("blocks", blockPartition(cluster, hash), hash);
  if (stored === undefined) throw new MeshError("block-damaged", `block ${hash} of ${cluster} is missing`);
  const texts = new Map(stored.body.texts.map((text) => [contentHash(text), text]));
  if (!texts.has(hash)) throw new MeshError("block-damaged", `block ${hash} does not match its hash`);
  return texts;
}

/** The set that a class had in another snapshot: it shares most of its blocks with the one that the class has now. */
function setBefore(known: Snapshot | undefined, key: Parameters<typeof setRootOf>[1]): Trie | undefined {
  const root = known && setRootOf(known.index, key);
  return root === undefined ? undefined : known?.sets.get(root);
}
