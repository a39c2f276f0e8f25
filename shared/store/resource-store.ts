import type { ContentHash } from "../core/brand.ts";
import { canonicalJson, contentHash } from "../core/canonical.ts";
import type { ObjectKey } from "../core/object.ts";
import type { SealedResource } from "../core/snapshot/snapshot.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { eachOf } from "../shell/each-of.ts";
import { MeshError } from "../shell/mesh-error.ts";
import { blockPartition, type PackDocument, type PackEntry, type PlaceDocument, singleId } from "./documents.ts";

/** Bytes of bodies that go into one pack before the next is begun. */
const packBytes = 256 * 1024;
/** So few resources get documents of their own: no place has to be rewritten for them, and a reader finds them by their version. */
const singlesAtMost = 16;
const requestsAtOnce = 16;

/** A resource as it is stored. */
export interface StoredResource {
  readonly version: ContentHash;
  readonly body: Buffer;
  readonly causes: readonly ObjectKey[];
}

interface ResourceStore {
  readonly documents: DocumentStore;
  readonly cluster: string;
}

/** Singles first where few are wanted, packs first where many are. MeshError `block-damaged` when one cannot be found or is not what its version says. */
export async function loadResources(
  store: ResourceStore,
  wanted: Iterable<ContentHash>,
): Promise<ReadonlyMap<ContentHash, StoredResource>> {
  const found = new Map<ContentHash, StoredResource>();
  const versions = [...new Set(wanted)];
  const ways = [loadSingles, loadPacked];
  for (const load of versions.length <= singlesAtMost ? ways : ways.reverse()) {
    const missing = new Set(versions.filter((version) => !found.has(version)));
    for (const resource of missing.size === 0 ? [] : await load(store, missing)) found.set(resource.version, resource);
  }
  const missing = versions.find((version) => !found.has(version));
  if (missing !== undefined)
    throw new MeshError("block-damaged", `resource ${missing} of ${store.cluster} is neither in a pack nor by itself`);
  return found;
}

async function loadSingles(
  { documents, cluster }: ResourceStore,
  versions: ReadonlySet<ContentHash>,
): Promise<readonly StoredResource[]> {
  const found: StoredResource[] = [];
  await eachOf([...versions], requestsAtOnce, async (version) => {
    const single = await documents.get<PackEntry>("blocks", blockPartition(cluster, version), singleId(version));
    if (single !== undefined) found.push(checkedResource(version, single.body));
  });
  return found;
}

async function loadPacked(
  { documents, cluster }: ResourceStore,
  versions: ReadonlySet<ContentHash>,
): Promise<readonly StoredResource[]> {
  const byPartition = Map.groupBy(versions, (version) => blockPartition(cluster, version));
  const packs = new Set<ContentHash>();
  await eachOf([...byPartition], requestsAtOnce, async ([partition, members]) => {
    const place = await documents.get<PlaceDocument>("blocks", partition, "place");
    for (const version of members) {
      const pack = place?.body.packs[version];
      if (pack !== undefined) packs.add(pack);
    }
  });
  const found: StoredResource[] = [];
  await eachOf([...packs], requestsAtOnce, async (pack) => {
    for (const entry of await readPack({ documents, cluster }, pack))
      if (versions.has(entry.version)) found.push(checkedResource(entry.version, entry));
  });
  return found;
}

/** MeshError `block-damaged` when it is missing or not what its hash says. */
async function readPack({ documents, cluster }: ResourceStore, pack: ContentHash): Promise<readonly PackEntry[]> {
  const stored = await documents.get<PackDocument>("blocks", blockPartition(cluster, pack), pack);
  if (stored === undefined) throw new MeshError("block-damaged", `pack ${pack} of ${cluster} is missing`);
  if (contentHash(stored.body.text) !== pack)
    throw new MeshError("block-damaged", `pack ${pack} of ${cluster} does not match its hash`);
  return JSON.parse(stored.body.text) as readonly PackEntry[];
}

export async function putResources(store: ResourceStore, resources: Iterable<SealedResource>): Promise<void> {
  const entries = [...resources].map(({ version, body, causes }) => ({
    version,
    body: Buffer.from(body).toString("base64"),
    causes,
  }));
  await (entries.length <= singlesAtMost ? putSingles(store, entries) : putPacks(store, entries));
}

async function putSingles({ documents, cluster }: ResourceStore, entries: readonly PackEntry[]): Promise<void> {
  await eachOf(entries, requestsAtOnce, async (entry) => {
    const { version } = entry;
    const partition = blockPartition(cluster, version);
    await documents.put("blocks", { id: singleId(version), partition, body: entry });
  });
}

async function putPacks({ documents, cluster }: ResourceStore, all: readonly PackEntry[]): Promise<void> {
  const places = new Map<string, Record<string, ContentHash>>();
  const packs: { readonly hash: ContentHash; readonly text: string }[] = [];
  for (const entries of packed(all)) {
    const text = canonicalJson(entries as never);
    const hash = contentHash(text);
    packs.push({ hash, text });
    for (const { version } of entries) {
      const partition = blockPartition(cluster, version);
      places.set(partition, { ...places.get(partition), [version]: hash });
    }
  }
  await eachOf(packs, requestsAtOnce, async ({ hash, text }) => {
    const body: PackDocument = { text };
    await documents.put("blocks", { id: hash, partition: blockPartition(cluster, hash), body });
  });
  await eachOf([...places], requestsAtOnce, ([partition, added]) => addPlaces(documents, partition, added));
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

function* packed(entries: readonly PackEntry[]): Iterable<readonly PackEntry[]> {
  let pack: PackEntry[] = [];
  let size = 0;
  for (const entry of entries) {
    pack.push(entry);
    size += entry.body.length;
    if (size < packBytes) continue;
    yield pack;
    pack = [];
    size = 0;
  }
  if (pack.length > 0) yield pack;
}

function checkedResource(version: ContentHash, entry: PackEntry): StoredResource {
  const body = Buffer.from(entry.body, "base64");
  if (contentHash(body) !== version)
    throw new MeshError("block-damaged", `resource ${version} does not match its version`);
  return { version, body, causes: entry.causes };
}
