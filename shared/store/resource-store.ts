import type { ContentHash } from "../core/brand.ts";
import { canonicalJson, contentHash } from "../core/canonical.ts";
import type { ObjectKey } from "../core/object.ts";
import type { SealedResource } from "../core/snapshot/snapshot.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { eachOf } from "../shell/each-of.ts";
import { MeshError } from "../shell/mesh-error.ts";
import {
  blockPartition,
  blockPartitions,
  type PackDocument,
  type PackEntry,
  type PartDocument,
  type PlaceDocument,
  partId,
  type SingleDocument,
  singleId,
} from "./documents.ts";

/** Bytes of bodies that go into one pack before the next is begun. */
const packBytes = 256 * 1024;
/** So few resources get documents of their own: no place has to be rewritten for them, and a reader finds them by their version. */
const singlesAtMost = 16;
/** Base64 characters of a resource that one document takes: of a larger one each part has its own, so that no resource is too large to be stored. */
const partLength = 1_000_000;
/** Causes that are kept of one resource: they say on which objects a refusal shows. As many still fit beside a part. */
const mostCauses = 2000;
/** Bytes of a cause in a pack, about. */
const causeBytes = 100;
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
    const single = await documents.get<SingleDocument>("blocks", blockPartition(cluster, version), singleId(version));
    if (single === undefined) return;
    const rest = await loadParts({ documents, cluster }, single.body);
    if (rest !== undefined) found.push(checkedResource(version, { ...single.body, body: single.body.body + rest }));
  });
  return found;
}

/** What follows the first part; undefined where something of it is missing. */
async function loadParts(
  { documents, cluster }: ResourceStore,
  { version, parts = 0 }: SingleDocument,
): Promise<string | undefined> {
  const numbers = Array.from({ length: parts }, (_, index) => index + 1);
  const bodies: string[] = [];
  await eachOf(numbers, requestsAtOnce, async (part) => {
    const stored = await documents.get<PartDocument>("blocks", blockPartition(cluster, version), partId(version, part));
    if (stored !== undefined) bodies[part - 1] = stored.body.body;
  });
  return numbers.every((part) => bodies[part - 1] !== undefined) ? bodies.join("") : undefined;
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

/** Nothing when it is gone: then what was in it lies elsewhere, or is not needed. MeshError `block-damaged` when it is not what its hash says. */
async function readPack({ documents, cluster }: ResourceStore, pack: ContentHash): Promise<readonly PackEntry[]> {
  const stored = await documents.get<PackDocument>("blocks", blockPartition(cluster, pack), pack);
  if (stored === undefined) return [];
  if (contentHash(stored.body.text) !== pack)
    throw new MeshError("block-damaged", `pack ${pack} of ${cluster} does not match its hash`);
  return JSON.parse(stored.body.text) as readonly PackEntry[];
}

export async function putResources(store: ResourceStore, resources: Iterable<SealedResource>): Promise<void> {
  const entries = [...resources].map(({ version, body, causes }) => entryOf(version, Buffer.from(body), causes));
  const small = entries.filter((entry) => !isLarge(entry));
  await (small.length <= singlesAtMost ? putSingles(store, small) : putPacks(store, small));
  await putSplit(store, entries.filter(isLarge));
}

function entryOf(version: ContentHash, body: Buffer, causes: readonly ObjectKey[]): PackEntry {
  return { version, body: body.toString("base64"), causes: causes.slice(0, mostCauses) };
}

function isLarge({ body }: PackEntry): boolean {
  return body.length > partLength;
}

/** The first part last, which says how many there are: whoever finds it finds the others. */
async function putSplit(store: ResourceStore, entries: readonly PackEntry[]): Promise<void> {
  const { documents, cluster } = store;
  for (const { version, body, causes } of entries) {
    const partition = blockPartition(cluster, version);
    const parts = Math.ceil(body.length / partLength) - 1;
    const numbers = Array.from({ length: parts }, (_, index) => index + 1);
    await eachOf(numbers, requestsAtOnce, async (part) => {
      const piece: PartDocument = { body: body.slice(part * partLength, (part + 1) * partLength) };
      await documents.put("blocks", { id: partId(version, part), partition, body: piece });
    });
    const first: SingleDocument = { version, body: body.slice(0, partLength), causes, parts };
    await documents.put("blocks", { id: singleId(version), partition, body: first });
  }
}

async function putSingles({ documents, cluster }: ResourceStore, entries: readonly PackEntry[]): Promise<void> {
  await eachOf(entries, requestsAtOnce, async (entry) => {
    const { version } = entry;
    const partition = blockPartition(cluster, version);
    await documents.put("blocks", { id: singleId(version), partition, body: entry });
  });
}

/** Puts resources that are stored already into new packs and changes their places; where they lay is left. Large ones stay where they are. */
export async function repackResources(store: ResourceStore, versions: Iterable<ContentHash>): Promise<void> {
  const found = await loadResources(store, versions);
  const entries = [...found.values()].map(({ version, body, causes }) => entryOf(version, body, causes));
  await putPacks(
    store,
    entries.filter((entry) => !isLarge(entry)),
  );
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

/** Version → the pack in which it lies. */
export type Places = ReadonlyMap<ContentHash, ContentHash>;

/** All places of the cluster. */
export async function readPlaces({ documents, cluster }: ResourceStore): Promise<Places> {
  const places = new Map<ContentHash, ContentHash>();
  await eachOf(blockPartitions(cluster), requestsAtOnce, async (partition) => {
    const place = await documents.get<PlaceDocument>("blocks", partition, "place");
    for (const [version, pack] of Object.entries(place?.body.packs ?? {})) places.set(version as ContentHash, pack);
  });
  return places;
}

/** Those of the versions that are in the packs that their places name: a place may be older than its pack's end. */
export async function packedAmong(
  store: ResourceStore,
  places: Places,
  versions: readonly ContentHash[],
): Promise<ReadonlySet<ContentHash>> {
  const packs = new Set(versions.flatMap((version) => places.get(version) ?? []));
  const there = new Set<ContentHash>();
  await eachOf([...packs], requestsAtOnce, async (pack) => {
    for (const { version } of await readPack(store, pack)) if (places.get(version) === pack) there.add(version);
  });
  return new Set(versions.filter((version) => there.has(version)));
}

/** Drops from the place document that has this etag what nobody needs; nothing when it was written since. */
export async function forgetPlaces(
  documents: DocumentStore,
  options: {
    readonly partition: string;
    readonly etag: string;
    readonly isNeeded: (version: ContentHash, pack: ContentHash) => boolean;
  },
): Promise<void> {
  const { partition, etag, isNeeded } = options;
  const present = await documents.get<PlaceDocument>("blocks", partition, "place");
  if (present === undefined || present.etag !== etag) return;
  const all = Object.entries(present.body.packs);
  const packs = Object.fromEntries(all.filter(([version, pack]) => isNeeded(version as ContentHash, pack)));
  if (Object.keys(packs).length === all.length) return;
  const body: PlaceDocument = { packs };
  try {
    await documents.batch("blocks", [{ kind: "replace", etag, document: { id: "place", partition, body } }]);
  } catch (error) {
    if (MeshError.from(error).code !== "precondition-failed") throw error; // somebody needs it again
  }
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
    size += entry.body.length + entry.causes.length * causeBytes;
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
