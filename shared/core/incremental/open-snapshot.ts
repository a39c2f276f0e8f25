import type { ContentHash } from "../brand.ts";
import { contentHash } from "../canonical.ts";
import type { ClassKey } from "../mesh/mesh.ts";
import { compareObjectKeys } from "../object.ts";
import {
  classPrefix,
  resourceKey,
  resourceValue,
  type SealedResource,
  type SealedSnapshot,
} from "../snapshot/snapshot.ts";
import { emptyTrie, type Trie } from "../trie/trie.ts";
import { type Resource, type ResourceId, resourceId } from "../xds/resource.ts";
import {
  compareReferences,
  createBodies,
  type ResourceContent,
  type ResourcePool,
  tidy,
} from "../xds/resource-pool.ts";

/** Who holds a resource: the class that it is of alone, some classes, or everyone under a name. */
export type Holder = "own" | "some" | { readonly everyone: string };

/** A snapshot that is kept up to date by what changes in it: what snapshot/snapshot.ts, seal(), says of all views at once. */
export interface OpenSnapshot {
  /** Makes resources: the same object again, while its content is the same. */
  readonly pool: ResourcePool;
  /** `holder` has these now instead of those. */
  hold(holder: Holder, before: readonly ResourceId[], after: readonly ResourceId[]): void;
  /** The entry of a class; undefined: it is gone. */
  setClass(key: ClassKey, entry: string | undefined): void;
  /** Somebody names the set instead of the one before. */
  readonly nameSet: (before: Trie | undefined, after: Trie | undefined) => void;
  /** `resources` is the snapshot's own until the next commit. */
  commit(): { readonly snapshot: SealedSnapshot; readonly news: News };
}

/** What a snapshot has that the one compiled before it had not. */
export interface News {
  /** Root of the index before; that of an empty one where nothing was compiled before. */
  readonly since: ContentHash;
  readonly resources: readonly SealedResource[];
}

interface Held {
  resource: SealedResource;
  /** The commit for which it was made. */
  made: number;
  own: number;
  some: number;
  everyone: Map<string, number> | undefined;
  /** The version under which it is listed, and the entry that it has in the index. */
  listed: ContentHash | undefined;
  entry: string | undefined;
  /** Since the last commit. */
  isTouched: boolean;
}

export function createOpenSnapshot(): OpenSnapshot {
  const held = new Map<ResourceId, Held>();
  const touched: Held[] = [];
  const versions = createVersions();
  const entries = new Map<string, string | undefined>();
  const sets = createSets();
  const bodies = createSharedBodies();
  let index = emptyTrie;
  let commits = 0;

  const touch = (one: Held): void => {
    if (!one.isTouched) touched.push(one);
    one.isTouched = true;
  };

  const count = (holder: Holder, id: ResourceId, by: 1 | -1): void => {
    const one = held.get(id);
    if (one === undefined) throw new Error(`resource ${id} was not made here`);
    touch(one);
    countHolder(one, holder, by);
  };

  const settle = (one: Held): void => {
    one.isTouched = false;
    const { resource } = one;
    const everyone = one.everyone?.size ? one.everyone.keys() : undefined;
    const isShared = one.some > 0 || everyone !== undefined;
    const isHeld = isShared || one.own > 0;
    if (!isHeld) held.delete(resource.id);
    const version = isHeld ? resource.version : undefined;
    if (one.listed !== undefined && one.listed !== version) versions.remove(one.listed, resource.id);
    if (version !== undefined) versions.put(version, resource);
    one.listed = version;
    const entry = isShared ? resourceValue(resource.version, everyone) : undefined;
    if (entry !== one.entry) entries.set(resourceKey(resource.id), entry);
    one.entry = entry;
  };

  return {
    pool: {
      body: bodies.body,
      resource({ type, name, variant }, make) {
        const id = resourceId({ type, name, variant });
        const content = tidy(make());
        const one = held.get(id);
        if (one === undefined) {
          const { body, causes, references } = content;
          const resource = { type, name, variant, body, causes, references, id, version: bodies.versionOf(body) };
          held.set(id, newHeld(resource, commits));
          return resource;
        }
        if (isSameContent(one.resource, content)) return one.resource;
        if (one.made === commits) throw new Error(`resource ${id} has two contents`);
        const { body, causes, references } = content;
        const version = isSameBody(one.resource.body, body) ? one.resource.version : bodies.versionOf(body);
        one.resource = { type, name, variant, body, causes, references, id, version };
        one.made = commits;
        touch(one);
        return one.resource;
      },
    },

    hold(holder, before, after) {
      for (const id of after) count(holder, id, 1);
      for (const id of before) count(holder, id, -1);
    },

    setClass(key, entry) {
      entries.set(classPrefix + key, entry);
    },

    nameSet: sets.name,

    commit() {
      for (const one of touched) settle(one);
      touched.length = 0;
      const since = index.root;
      index = index.with(entries);
      entries.clear();
      commits += 1;
      return {
        snapshot: { index, sets: sets.named(), resources: versions.resources },
        news: { since, resources: versions.takeNews() },
      };
    },
  };
}

function countHolder(one: Held, holder: Holder, by: 1 | -1): void {
  if (typeof holder === "string") {
    one[holder] += by;
    return;
  }
  one.everyone ??= new Map();
  const left = (one.everyone.get(holder.everyone) ?? 0) + by;
  if (left === 0) one.everyone.delete(holder.everyone);
  else one.everyone.set(holder.everyone, left);
}

/** Bodies that many resources have are hashed once, too. */
function createSharedBodies() {
  const bodies = createBodies();
  const versions = new Map<Uint8Array, ContentHash>();
  return {
    body: (key: string, make: () => Uint8Array): Uint8Array => {
      const body = bodies(key, make);
      if (!versions.has(body)) versions.set(body, contentHash(body));
      return body;
    },
    versionOf: (body: Uint8Array): ContentHash => versions.get(body) ?? contentHash(body),
  };
}

function isSameBody(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0;
}

function newHeld(resource: SealedResource, made: number): Held {
  return {
    resource,
    made,
    own: 0,
    some: 0,
    everyone: undefined,
    listed: undefined,
    entry: undefined,
    isTouched: false,
  };
}

function isSameContent(resource: Resource, content: ResourceContent): boolean {
  return (
    isSameBody(resource.body, content.body) &&
    isSame(resource.causes, content.causes, compareObjectKeys) &&
    isSame(resource.references, content.references, compareReferences)
  );
}

function isSame<T>(before: readonly T[], after: readonly T[], compare: (a: T, b: T) => number): boolean {
  if (before.length !== after.length) return false;
  return before.every((one, position) => {
    const other = after[position];
    return other !== undefined && compare(one, other) === 0;
  });
}

/** Sets by root, as long as somebody names them. */
function createSets() {
  const counts = new Map<ContentHash, number>();
  let sets: ReadonlyMap<ContentHash, Trie> = new Map();
  const count = (root: ContentHash, by: 1 | -1): number => {
    const left = (counts.get(root) ?? 0) + by;
    if (left === 0) counts.delete(root);
    else counts.set(root, left);
    return left;
  };
  return {
    named: () => sets,
    name: (before: Trie | undefined, after: Trie | undefined): void => {
      if (before?.root === after?.root) return;
      const next = new Map(sets);
      if (after !== undefined && count(after.root, 1) === 1) next.set(after.root, after);
      if (before !== undefined && count(before.root, -1) === 0) next.delete(before.root);
      sets = next;
    },
  };
}

/** Resources by version. Of several with the same bytes the one whose id comes first stands for all. */
function createVersions() {
  const resources = new Map<ContentHash, SealedResource>();
  const sharing = new Map<ContentHash, Map<ResourceId, SealedResource>>();
  /** Since news were taken; before that everything is. */
  let added: Set<ContentHash> | undefined;
  const removed = new Set<ContentHash>();
  return {
    resources: resources as ReadonlyMap<ContentHash, SealedResource>,

    put(version: ContentHash, resource: SealedResource): void {
      const first = resources.get(version);
      if (first === undefined && !removed.delete(version)) added?.add(version);
      if (first === undefined || resource.id <= first.id) resources.set(version, resource);
      if (first === undefined || (first.id === resource.id && !sharing.has(version))) return;
      const all = sharing.get(version) ?? new Map([[first.id, first]]);
      all.set(resource.id, resource);
      sharing.set(version, all);
    },

    remove(version: ContentHash, id: ResourceId): void {
      const all = sharing.get(version);
      all?.delete(id);
      if (resources.get(version)?.id !== id) return;
      resources.delete(version);
      for (const resource of all?.values() ?? []) {
        const first = resources.get(version);
        if (first === undefined || resource.id < first.id) resources.set(version, resource);
      }
      if (all?.size === 0) sharing.delete(version);
      if (added !== undefined && !resources.has(version) && !added.delete(version)) removed.add(version);
    },

    /** Those whose versions came since this was asked last. */
    takeNews(): readonly SealedResource[] {
      const news =
        added === undefined ? [...resources.values()] : Array.from(added, (version) => resources.get(version));
      added = new Set();
      removed.clear();
      return news.filter((resource) => resource !== undefined);
    },
  };
}
