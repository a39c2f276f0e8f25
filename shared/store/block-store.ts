import type { ContentHash } from "../core/brand.ts";
import { canonicalJson, contentHash } from "../core/canonical.ts";
import type { ObjectKey } from "../core/object.ts";
import { type SealedResource, type Snapshot, setRootsOf } from "../core/snapshot/snapshot.ts";
import { emptyTrie, loadTrie, type Trie } from "../core/trie/trie.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { eachOf } from "../shell/each-of.ts";
import { MeshError } from "../shell/mesh-error.ts";
import { blockPartition } from "./documents.ts";

/** Bytes of bodies that go into one pack before the next is begun. */
const packBytes = 256 * 1024;
const readsAtOnce = 16;

/** A resource as it lies in a pack. */
export interface StoredResource {
  readonly version: ContentHash;
  readonly body: Buffer;
  readonly causes: readonly ObjectKey[];
}

interface BlockDocument {
  readonly text: string;
}

/** Says in which pack the resources of one partition lie. */
interface PlaceDocument {
  readonly packs: Readonly<Record<string, ContentHash>>;
}

interface PackEntry {
  readonly version: ContentHash;
  readonly body: string;
  readonly causes: readonly ObjectKey[];
}

/** Immutable, content-addressed blocks and packs of one cluster, and the rewritable places of resources (design.md §4). */
export interface BlockStore {
  /** The trie of `root`, from blocks that `known` holds and from the store. MeshError `block-damaged` when a block is missing or not what its hash says. */
  loadTrie(root: ContentHash, known?: Trie): Promise<Trie>;
  loadSnapshot(root: ContentHash, known?: Snapshot): Promise<Snapshot>;
  /** MeshError `block-damaged` when one cannot be found or is not what its version says. */
  loadResources(versions: Iterable<ContentHash>): Promise<ReadonlyMap<ContentHash, StoredResource>>;
  /** Writes the blocks that `known` does not hold. */
  putTrie(trie: Trie, known?: Trie): Promise<void>;
  putResources(resources: Iterable<SealedResource>): Promise<void>;
}

export function createBlockStore(documents: DocumentStore, cluster: string): BlockStore {
  const readBlock = async (hash: ContentHash): Promise<string> => {
    const stored = await documents.get<BlockDocument>("blocks", blockPartition(cluster, hash), hash);
    if (stored === undefined) throw new MeshError("block-damaged", `block ${hash} of ${cluster} is missing`);
    return stored.body.text;
  };
  const readTrie = async (root: ContentHash, known: Trie | undefined): Promise<Trie> => {
    if (root === emptyTrie.root) return emptyTrie;
    if (known?.root === root) return known;
    const texts = new Map<ContentHash, string>(known?.blocks());
    for (;;) {
      const loaded = loadTrie(root, (hash) => texts.get(hash));
      if ("trie" in loaded) return loaded.trie;
      await eachOf(loaded.missing, readsAtOnce, async (hash) => {
        texts.set(hash, checkedText(hash, await readBlock(hash)));
      });
    }
  };
  return {
    loadTrie: readTrie,
    async loadSnapshot(root, known) {
      const index = await readTrie(root, known?.index);
      const sets = new Map<ContentHash, Trie>();
      await eachOf(setRootsOf(index), readsAtOnce, async (set) => {
        sets.set(set, known?.sets.get(set) ?? (await readTrie(set, undefined)));
      });
      return { index, sets };
    },
    loadResources: (versions) => loadResources({ documents, cluster, readBlock }, versions),
    async putTrie(trie, known) {
      await eachOf([...trie.blocks(known)], readsAtOnce, ([hash, text]) =>
        putBlock(documents, cluster, { hash, text }),
      );
    },
    putResources: (resources) => putResources(documents, cluster, resources),
  };
}

interface BlockReader {
  readonly documents: DocumentStore;
  readonly cluster: string;
  readonly readBlock: (hash: ContentHash) => Promise<string>;
}

async function loadResources(
  reader: BlockReader,
  wanted: Iterable<ContentHash>,
): Promise<ReadonlyMap<ContentHash, StoredResource>> {
  const { documents, cluster, readBlock } = reader;
  const versions = new Set(wanted);
  const byPartition = Map.groupBy(versions, (version) => blockPartition(cluster, version));
  const packs = new Set<ContentHash>();
  await eachOf([...byPartition], readsAtOnce, async ([partition, members]) => {
    const place = await documents.get<PlaceDocument>("blocks", partition, "place");
    for (const version of members) {
      const pack = place?.body.packs[version];
      if (pack === undefined) throw new MeshError("block-damaged", `resource ${version} of ${cluster} has no place`);
      packs.add(pack);
    }
  });
  const found = new Map<ContentHash, StoredResource>();
  await eachOf([...packs], readsAtOnce, async (pack) => {
    for (const entry of JSON.parse(checkedText(pack, await readBlock(pack))) as PackEntry[]) {
      if (versions.has(entry.version)) found.set(entry.version, checkedResource(entry));
    }
  });
  const missing = [...versions].find((version) => !found.has(version));
  if (missing !== undefined)
    throw new MeshError("block-damaged", `resource ${missing} of ${cluster} is not in its pack`);
  return found;
}

async function putResources(
  documents: DocumentStore,
  cluster: string,
  resources: Iterable<SealedResource>,
): Promise<void> {
  const places = new Map<string, Record<string, ContentHash>>();
  const packs: { readonly hash: ContentHash; readonly text: string }[] = [];
  for (const entries of packed(resources)) {
    const text = canonicalJson(entries as never);
    const hash = contentHash(text);
    packs.push({ hash, text });
    for (const { version } of entries) {
      const partition = blockPartition(cluster, version);
      places.set(partition, { ...places.get(partition), [version]: hash });
    }
  }
  await eachOf(packs, readsAtOnce, (pack) => putBlock(documents, cluster, pack));
  await eachOf([...places], readsAtOnce, ([partition, added]) => addPlaces(documents, partition, added));
}

/** Adds to a place document by compare-and-set: two publishers may write the same one. */
async function addPlaces(
  documents: DocumentStore,
  partition: string,
  added: Readonly<Record<string, ContentHash>>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const present = await documents.get<PlaceDocument>("blocks", partition, "place");
    const document = { id: "place", partition, body: { packs: { ...present?.body.packs, ...added } } };
    try {
      const operation =
        present === undefined
          ? ({ kind: "create", document } as const)
          : ({ kind: "replace", document, etag: present.etag } as const);
      await documents.batch("blocks", [operation]);
      return;
    } catch (error) {
      if (MeshError.from(error).code !== "precondition-failed" || attempt === 10) throw error;
    }
  }
}

function* packed(resources: Iterable<SealedResource>): Iterable<readonly PackEntry[]> {
  let pack: PackEntry[] = [];
  let size = 0;
  for (const { version, body, causes } of resources) {
    pack.push({ version, body: Buffer.from(body).toString("base64"), causes });
    size += body.length;
    if (size < packBytes) continue;
    yield pack;
    pack = [];
    size = 0;
  }
  if (pack.length > 0) yield pack;
}

async function putBlock(
  documents: DocumentStore,
  cluster: string,
  { hash, text }: { readonly hash: ContentHash; readonly text: string },
): Promise<void> {
  const body: BlockDocument = { text };
  await documents.put("blocks", { id: hash, partition: blockPartition(cluster, hash), body });
}

function checkedText(hash: ContentHash, text: string): string {
  if (contentHash(text) !== hash) throw new MeshError("block-damaged", `block ${hash} does not match its hash`);
  return text;
}

function checkedResource(entry: PackEntry): StoredResource {
  const body = Buffer.from(entry.body, "base64");
  if (contentHash(body) !== entry.version)
    throw new MeshError("block-damaged", `resource ${entry.version} does not match its version`);
  return { version: entry.version, body, causes: entry.causes };
}
