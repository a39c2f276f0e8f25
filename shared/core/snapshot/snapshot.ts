import type { ContentHash } from "../brand.ts";
import { contentHash } from "../canonical.ts";
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
 *   class/<key>                → what a class gets (ClassEntry)
 *   <place>#resource/<id>      → "<version>", or ["<version>", "<everyone>", …] when everyone of these gets it
 * Whoever gets a resource is named by id and not by version: an edit of a resource that a thousand classes share touches one entry. What lies at
 * one Service has one place, so an edit of a Service touches neighbours.
 */
export interface Snapshot {
  readonly index: Trie;
  /** Tries of ids that classes name, by root. */
  readonly sets: ReadonlyMap<ContentHash, Trie>;
}

/** A snapshot just compiled: with the bytes of all its resources. */
export interface SealedSnapshot extends Snapshot {
  /** By version. */
  readonly resources: ReadonlyMap<ContentHash, SealedResource>;
}

/** A class with its view; `everyone` names the classes whose views are the same but for what only one class has (translate.ts). */
export interface ClassResources {
  readonly workload: WorkloadClass;
  readonly resources: readonly Resource[];
  readonly everyone?: string;
}

/**
 * Value of a class's entry. `own`: id → version of what has the class as its variant. Of what it shares: a few ids, the root of a trie of many (<id> → true), or
 * the name under which the resources themselves say that everyone gets them: so where thousands reach everything, nothing lists it.
 */
export interface ClassEntry {
  readonly own: Readonly<Record<string, ContentHash>>;
  readonly shared:
    | { readonly ids: readonly ResourceId[] }
    | { readonly set: ContentHash }
    | { readonly everyone: string };
}

export const classPrefix = "class/";
const resourceMark = "#resource/";
/** Up to so many ids stand in the class's entry. */
const idsInEntry = 32;

/** Gives every resource its version and every class its sets. Throws when a class's view is not closed: that is our fault, never a user's. */
export function seal(views: Iterable<ClassResources>): SealedSnapshot {
  const contents = createContents();
  /** One list for all that have the same: in permissive mode thousands of classes have thousands of ids. */
  const lists = new Map<string, readonly ResourceId[]>();
  const classes = Array.from(views, (view): SealedClass => {
    const { workload, resources, everyone: name = workload.key } = view;
    assertClosed(workload.key, resources);
    const own: OwnVersions[number][] = [];
    const shared: ResourceId[] = [];
    for (const resource of resources) {
      const { id, version } = contents.add(resource);
      if (resource.variant === workload.key) own.push([id, version]);
      else shared.push(id);
    }
    shared.sort();
    const known = lists.get(name);
    const list = known !== undefined && isSame(known, shared) ? known : shared;
    lists.set(name, list);
    return { view, own, shared: list };
  });
  const everyone = namesOfEveryone(classes);
  const entries = new Map<string, string>();
  const sets = new Map<ContentHash, Trie>();
  /** By ids: classes of one account share them. */
  const setOf = new Map<string, Trie>();
  const tags = new Map<ResourceId, Set<string>>();
  for (const [name, ids] of everyone) for (const id of ids) tags.set(id, (tags.get(id) ?? new Set()).add(name));
  const sharedEntry = ({ view, shared }: SealedClass): ClassEntry["shared"] => {
    if (view.everyone !== undefined && everyone.has(view.everyone)) {
      return { everyone: view.everyone };
    }
    const text = shared.join("\n");
    const set = setOf.get(text) ?? setOfIds(shared);
    if (set === undefined) return { ids: shared };
    setOf.set(text, set);
    sets.set(set.root, set);
    return { set: set.root };
  };
  for (const sealed of classes) {
    entries.set(classPrefix + sealed.view.workload.key, classValue(sealed.own, sharedEntry(sealed)));
  }
  const ids = new Set([...new Set(classes.map(({ shared }) => shared))].flat());
  for (const id of ids) {
    const version = contents.versionOf(id);
    if (version !== undefined) entries.set(resourceKey(id), resourceValue(version, tags.get(id)));
  }
  return { index: trieOf(entries), sets, resources: contents.resources };
}

/** The trie of ids that are too many for a class's entry; undefined for a few. */
export function setOfIds(ids: readonly ResourceId[]): Trie | undefined {
  return ids.length <= idsInEntry ? undefined : trieOf(ids.map((id) => [id, "true"] as const));
}

type OwnVersions = readonly (readonly [id: ResourceId, version: ContentHash])[];

/** What stands in the index for a class: a ClassEntry as canonical JSON. Written as text, since each class would have an object of another shape. */
export function classValue(own: OwnVersions, shared: ClassEntry["shared"]): string {
  const sorted = own.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const members = sorted.map(([id, version]) => `${JSON.stringify(id)}:${JSON.stringify(version)}`);
  return `{"own":{${members.join(",")}},"shared":${JSON.stringify(shared)}}`;
}

/** What stands in the index for a resource that classes share; `everyone`: names of those of whom all get it. */
export function resourceValue(version: ContentHash, everyone?: Iterable<string>): string {
  // A hash has no character that JSON would write otherwise.
  return everyone === undefined ? `"${version}"` : JSON.stringify([version, ...[...everyone].sort()]);
}

interface SealedClass {
  readonly view: ClassResources;
  readonly own: OwnVersions;
  readonly shared: readonly ResourceId[];
}

/** Versions of all resources that are added. One id has one content. */
function createContents() {
  const resources = new Map<ContentHash, SealedResource>();
  const sealed = new Map<Resource, SealedResource>();
  const versions = new Map<ResourceId, ContentHash>();
  return {
    resources: resources as ReadonlyMap<ContentHash, SealedResource>,
    versionOf: (id: ResourceId) => versions.get(id),
    add(resource: Resource): SealedResource {
      const known = sealed.get(resource);
      if (known !== undefined) return known;
      const id = resourceId(resource);
      const version = contentHash(resource.body);
      const made: SealedResource = { ...resource, id, version };
      sealed.set(resource, made);
      const present = versions.get(id);
      if (present !== undefined && present !== version) throw new Error(`resource ${id} has two contents`);
      versions.set(id, version);
      // Of several with the same bytes, whose causes may differ, the one whose id comes first stands for all.
      const first = resources.get(version);
      if (first === undefined || id < first.id) resources.set(version, made);
      return made;
    },
  };
}

/** Names under which all classes get the same indeed, with what they get. Decided over all of them, so the order of classes does not show. */
function namesOfEveryone(classes: readonly SealedClass[]): ReadonlyMap<string, readonly ResourceId[]> {
  const lists = new Map<string, readonly ResourceId[] | undefined>();
  for (const { view, shared } of classes) {
    const name = view.everyone;
    if (name === undefined) continue;
    const others = lists.has(name) ? lists.get(name) : shared;
    lists.set(name, others === shared ? shared : undefined);
  }
  return new Map([...lists].flatMap(([name, list]) => (list === undefined ? [] : [[name, list] as const])));
}

function isSame(a: readonly ResourceId[], b: readonly ResourceId[]): boolean {
  return a.length === b.length && a.every((id, position) => id === b[position]);
}

/** Ids and versions of what a class gets; undefined for a class the snapshot does not know. */
export function viewOf(snapshot: Snapshot, key: ClassKey): ReadonlyMap<ResourceId, ContentHash> | undefined {
  const entry = classEntryOf(snapshot.index, key);
  if (entry === undefined) return undefined;
  const view = new Map(Object.entries(entry.own) as [ResourceId, ContentHash][]);
  for (const id of idsOf(snapshot, entry.shared)) view.set(id, versionIn(snapshot.index, id));
  return view;
}

/** Undefined for a class the index does not know. */
export function classEntryOf(index: Trie, key: ClassKey): ClassEntry | undefined {
  const text = index.get(classPrefix + key);
  return text === undefined ? undefined : (JSON.parse(text) as ClassEntry);
}

/** Of a resource that classes share. */
export function versionIn(index: Trie, id: ResourceId): ContentHash {
  const value = index.get(resourceKey(id));
  if (value === undefined) throw new Error(`snapshot lacks the resource ${id}`);
  return readVersion(value);
}

/** What a class shares with others. */
export function idsOf(snapshot: Snapshot, shared: ClassEntry["shared"]): Iterable<ResourceId> {
  if ("ids" in shared) return shared.ids;
  if ("everyone" in shared) return everyoneGets(snapshot.index).get(shared.everyone) ?? [];
  const set = snapshot.sets.get(shared.set);
  if (set === undefined) throw new Error(`snapshot lacks the set ${shared.set}`);
  return [...set.entries()].map(([id]) => id as ResourceId);
}

const everyoneOfIndex = new WeakMap<Trie, ReadonlyMap<string, readonly ResourceId[]>>();

/** Name → ids, gathered once for an index. */
function everyoneGets(index: Trie): ReadonlyMap<string, readonly ResourceId[]> {
  const known = everyoneOfIndex.get(index);
  if (known !== undefined) return known;
  const gathered = new Map<string, ResourceId[]>();
  for (const [key, value] of index.entries()) {
    const id = idIn(key);
    if (id === undefined || !value.startsWith("[")) continue;
    const [, ...names] = JSON.parse(value) as readonly string[];
    for (const name of names) {
      const ids = gathered.get(name);
      if (ids === undefined) gathered.set(name, [id]);
      else ids.push(id);
    }
  }
  everyoneOfIndex.set(index, gathered);
  return gathered;
}

/** A name begins with `namespace/service/`, or is of one resource of its kind. */
export function resourceKey(id: ResourceId): string {
  const start = id.indexOf("|") + 1;
  const name = id.slice(start, id.indexOf("|", start));
  const end = name.indexOf("/", name.indexOf("/") + 1);
  return `${end < 0 ? name : name.slice(0, end)}${resourceMark}${id}`;
}

function idIn(key: string): ResourceId | undefined {
  const mark = key.indexOf(resourceMark);
  return mark < 0 ? undefined : (key.slice(mark + resourceMark.length) as ResourceId);
}

function readVersion(value: string): ContentHash {
  const parsed = JSON.parse(value) as ContentHash | readonly [ContentHash, ...string[]];
  return typeof parsed === "string" ? parsed : parsed[0];
}

export function classesOf(index: Trie): readonly ClassKey[] {
  const keys: ClassKey[] = [];
  for (const [key] of index.entries())
    if (key.startsWith(classPrefix)) keys.push(key.slice(classPrefix.length) as ClassKey);
  return keys.sort();
}

/** Roots of the sets that the index names, each with a class that names it. Of one that was asked for `before` only the differences are read. */
export function setRootsOf(index: Trie, before: Trie = emptyTrie): ReadonlyMap<ContentHash, ClassKey> {
  const byClass = setsByClass(index, before);
  return new Map([...byClass].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, root]) => [root, key]));
}

const setsOfIndex = new WeakMap<Trie, ReadonlyMap<ClassKey, ContentHash>>();

/** The root of the set that each class names, of those that name one. */
function setsByClass(index: Trie, before: Trie): ReadonlyMap<ClassKey, ContentHash> {
  const known = setsOfIndex.get(index);
  if (known !== undefined) return known;
  const base = setsOfIndex.get(before);
  const sets = new Map(base);
  for (const { key, after } of (base === undefined ? emptyTrie : before).compare(index)) {
    if (!key.startsWith(classPrefix)) continue;
    const name = key.slice(classPrefix.length) as ClassKey;
    const root = after === undefined ? undefined : setRootIn(after);
    if (root === undefined) sets.delete(name);
    else sets.set(name, root);
  }
  setsOfIndex.set(index, sets);
  return sets;
}

/** Root of the set that a class names in this index; undefined when it names none. */
export function setRootOf(index: Trie, key: ClassKey): ContentHash | undefined {
  const text = index.get(classPrefix + key);
  return text === undefined ? undefined : setRootIn(text);
}

function setRootIn(entry: string): ContentHash | undefined {
  const { shared } = JSON.parse(entry) as ClassEntry;
  return "set" in shared ? shared.set : undefined;
}

export function* resourceIdsOf(index: Trie): Iterable<ResourceId> {
  for (const [key, value] of index.entries()) for (const [id] of resourcesIn(key, value)) yield id;
}

/** Versions of all resources in the index. */
export function versionsOf(index: Trie): ReadonlySet<ContentHash> {
  const versions = new Set<ContentHash>();
  for (const [key, value] of index.entries()) for (const [, version] of resourcesIn(key, value)) versions.add(version);
  return versions;
}

/** What an index names that `before` does not: versions of resources, and roots of sets. */
export function namedSince(
  before: Trie,
  index: Trie,
): { readonly versions: ReadonlySet<ContentHash>; readonly sets: ReadonlySet<ContentHash> } {
  const versions = new Set<ContentHash>();
  const sets = new Set<ContentHash>();
  for (const { key, after } of before.compare(index)) {
    if (after === undefined) continue;
    const named = namedBy(key, after);
    for (const version of named.versions) versions.add(version);
    if (named.set !== undefined) sets.add(named.set);
  }
  return { versions, sets };
}

/** What one entry of an index names. */
export function namedBy(
  key: string,
  value: string,
): { readonly versions: readonly ContentHash[]; readonly set: ContentHash | undefined } {
  const versions = resourcesIn(key, value).map(([, version]) => version);
  return { versions, set: key.startsWith(classPrefix) ? setRootIn(value) : undefined };
}

/** The resources that one entry of the index names. */
function resourcesIn(key: string, value: string | undefined): readonly (readonly [ResourceId, ContentHash])[] {
  if (value === undefined) return [];
  if (key.startsWith(classPrefix))
    return Object.entries((JSON.parse(value) as ClassEntry).own) as [ResourceId, ContentHash][];
  const id = idIn(key);
  return id === undefined ? [] : [[id, readVersion(value)]];
}

/** One resource that classes share, in two indexes; undefined in the one that lacks it. `everyone`: names under which everyone gets it. */
export interface SharedDifference {
  readonly id: ResourceId;
  readonly before: SharedResource | undefined;
  readonly after: SharedResource | undefined;
}

interface SharedResource {
  readonly version: ContentHash;
  readonly everyone: readonly string[];
}

/** Classes whose entries differ, and shared resources that do: all that a reader of `before` has to look at again. */
export function compareIndexes(
  before: Trie,
  after: Trie,
): { readonly classes: ReadonlySet<ClassKey>; readonly shared: readonly SharedDifference[] } {
  const classes = new Set<ClassKey>();
  const shared: SharedDifference[] = [];
  for (const difference of before.compare(after)) {
    const { key } = difference;
    const id = idIn(key);
    if (key.startsWith(classPrefix)) classes.add(key.slice(classPrefix.length) as ClassKey);
    else if (id !== undefined)
      shared.push({ id, before: sharedIn(difference.before), after: sharedIn(difference.after) });
  }
  return { classes, shared };
}

function sharedIn(value: string | undefined): SharedResource | undefined {
  if (value === undefined) return undefined;
  const parsed = JSON.parse(value) as ContentHash | readonly [ContentHash, ...string[]];
  if (typeof parsed === "string") return { version: parsed, everyone: [] };
  const [version, ...everyone] = parsed;
  return { version, everyone };
}

/** Ids that differ between two snapshots, sorted. */
export function compareSnapshots(
  before: Snapshot,
  after: Snapshot,
): { readonly added: ResourceId[]; readonly changed: ResourceId[]; readonly removed: ResourceId[] } {
  const difference = { added: [] as ResourceId[], changed: [] as ResourceId[], removed: [] as ResourceId[] };
  for (const { key, before: old, after: now } of before.index.compare(after.index)) {
    const [had, has] = [new Map(resourcesIn(key, old)), new Map(resourcesIn(key, now))];
    for (const [id, version] of has) {
      if (!had.has(id)) difference.added.push(id);
      else if (had.get(id) !== version) difference.changed.push(id);
    }
    for (const id of had.keys()) if (!has.has(id)) difference.removed.push(id);
  }
  for (const ids of [difference.added, difference.changed, difference.removed]) ids.sort();
  return difference;
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
