import type { ContentHash } from "../brand.ts";
import { canonicalJson, contentHash } from "../canonical.ts";
import type { ClassKey, WorkloadClass } from "../mesh/mesh.ts";
import { emptyTrie, type Trie, trieOf } from "../trie/trie.ts";
import { type Resource, type ResourceId, resourceId } from "../xds/resource.ts";

/** A resource with its version: the hash of its bytes. */
export interface SealedResource extends Resource {
  readonly id: ResourceId;
  readonly version: ContentHash;
}

/**
 * What a cluster's proxies get, as content-addressed data. `index` is the trie that the head's `served.root` names:
 *   resource/<id>   → "<version>"
 *   class/<key>     → { "sets": ["<root of a set trie>", …] }
 * and a set is a trie of its own, <id> → true. Sets hold ids, not versions: an edit of a resource that a thousand classes share touches one entry.
 */
export interface Snapshot {
  readonly index: Trie;
  /** By root. */
  readonly sets: ReadonlyMap<ContentHash, Trie>;
}

/** A snapshot just compiled: with the bytes of all its resources. */
export interface SealedSnapshot extends Snapshot {
  /** By version. */
  readonly resources: ReadonlyMap<ContentHash, SealedResource>;
}

const resourcePrefix = "resource/";
const classPrefix = "class/";

/** Gives every resource its version and every class its sets. Throws when a class's view is not closed: that is our fault, never a user's. */
export function seal(
  views: Iterable<{ readonly workload: WorkloadClass; readonly resources: readonly Resource[] }>,
): SealedSnapshot {
  const entries = new Map<string, string>();
  const sets = new Map<ContentHash, Trie>();
  /** By ids: in permissive mode a thousand classes share one set of thousands. */
  const setOf = new Map<string, Trie>();
  const resources = new Map<ContentHash, SealedResource>();
  const versions = new Map<Resource, ContentHash>();
  for (const { workload, resources: view } of views) {
    assertClosed(workload.key, view);
    const own: ResourceId[] = [];
    const shared: ResourceId[] = [];
    for (const resource of view) {
      const id = resourceId(resource);
      (resource.variant === workload.key ? own : shared).push(id);
      const key = resourcePrefix + id;
      if (versions.has(resource)) continue;
      const version = contentHash(resource.body);
      versions.set(resource, version);
      const text = JSON.stringify(version);
      const present = entries.get(key);
      if (present !== undefined && present !== text) throw new Error(`resource ${id} has two contents`);
      entries.set(key, text);
      if (!resources.has(version)) resources.set(version, { ...resource, id, version });
    }
    const roots = [own, shared].map((ids) => {
      const text = ids.join("\n");
      const set = setOf.get(text) ?? trieOf(ids.map((id) => [id, "true"] as const));
      setOf.set(text, set);
      sets.set(set.root, set);
      return set.root;
    });
    entries.set(classPrefix + workload.key, canonicalJson({ sets: roots }));
  }
  return { index: trieOf(entries), sets, resources };
}

/** Ids and versions of what a class gets; undefined for a class the snapshot does not know. */
export function viewOf(snapshot: Snapshot, key: ClassKey): ReadonlyMap<ResourceId, ContentHash> | undefined {
  const roots = setsOf(snapshot.index, key);
  if (roots === undefined) return undefined;
  const view = new Map<ResourceId, ContentHash>();
  for (const root of roots) {
    const set = root === emptyTrie.root ? emptyTrie : snapshot.sets.get(root);
    if (set === undefined) throw new Error(`snapshot lacks the set ${root}`);
    for (const [id] of set.entries()) {
      const version = snapshot.index.get(resourcePrefix + id);
      if (version === undefined) throw new Error(`snapshot lacks the resource ${id}`);
      view.set(id as ResourceId, JSON.parse(version) as ContentHash);
    }
  }
  return view;
}

export function classesOf(index: Trie): readonly ClassKey[] {
  const keys: ClassKey[] = [];
  for (const [key] of index.entries())
    if (key.startsWith(classPrefix)) keys.push(key.slice(classPrefix.length) as ClassKey);
  return keys.sort();
}

/** Roots of all set tries that the index names. */
export function setRootsOf(index: Trie): readonly ContentHash[] {
  return [...new Set(classesOf(index).flatMap((key) => setsOf(index, key) ?? []))].sort();
}

/** Versions of all resources in the index. */
export function versionsOf(index: Trie): ReadonlySet<ContentHash> {
  const versions = new Set<ContentHash>();
  for (const [key, value] of index.entries())
    if (key.startsWith(resourcePrefix)) versions.add(JSON.parse(value) as ContentHash);
  return versions;
}

/** Ids that differ between two snapshots, sorted. */
export function compareSnapshots(
  before: Snapshot,
  after: Snapshot,
): { readonly added: ResourceId[]; readonly changed: ResourceId[]; readonly removed: ResourceId[] } {
  const difference = { added: [] as ResourceId[], changed: [] as ResourceId[], removed: [] as ResourceId[] };
  for (const { key, before: old, after: now } of before.index.compare(after.index)) {
    if (!key.startsWith(resourcePrefix)) continue;
    const id = key.slice(resourcePrefix.length) as ResourceId;
    if (old === undefined) difference.added.push(id);
    else if (now === undefined) difference.removed.push(id);
    else difference.changed.push(id);
  }
  for (const ids of [difference.added, difference.changed, difference.removed]) ids.sort();
  return difference;
}

function setsOf(index: Trie, key: ClassKey): readonly ContentHash[] | undefined {
  const text = index.get(classPrefix + key);
  return text === undefined ? undefined : (JSON.parse(text) as { readonly sets: readonly ContentHash[] }).sets;
}

function assertClosed(key: ClassKey, view: readonly Resource[]): void {
  const names = new Set<string>();
  for (const { type, name } of view) {
    const text = `${type}|${name}`;
    if (names.has(text)) throw new Error(`class ${key} has two resources ${text}`);
    names.add(text);
  }
  for (const resource of view) {
    for (const { type, name } of resource.references) {
      if (!names.has(`${type}|${name}`))
        throw new Error(`class ${key}: ${resourceId(resource)} names ${type}|${name}, which is not there`);
    }
  }
}
