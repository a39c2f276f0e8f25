import {
  emptyPersistentMap,
  entriesOf,
  lookup,
  type PersistentMap,
  toPersistentMap,
  withChanges,
} from "./persistent-map.ts";
import type { ViewResources } from "./view.ts";

/**
 * The names that a proxy subscribes to. They are mostly those that its view has, which are there already: then only where the two differ is kept, and a
 * thousand proxies that subscribe to all of a view keep its names once.
 */
export interface NameSet {
  readonly size: number;
  /** What the view in force has; undefined: `differs` lists all names. */
  readonly base: ViewResources | undefined;
  /** Where the set differs from the base: whether the name is in the set. */
  readonly differs: PersistentMap<boolean>;
}

export const emptyNameSet: NameSet = { size: 0, base: undefined, differs: emptyPersistentMap() };

export function hasName(set: NameSet, name: string): boolean {
  return lookup(set.differs, name) ?? set.base?.has(name) ?? false;
}

export function* namesIn(set: NameSet): Generator<string> {
  for (const name of set.base?.keys() ?? []) if (lookup(set.differs, name) !== false) yield name;
  for (const [name, isIn] of entriesOf(set.differs)) if (isIn) yield name;
}

export function withNames(set: NameSet, names: readonly string[]): NameSet {
  return changed(set, names, true);
}

export function withoutNames(set: NameSet, names: readonly string[]): NameSet {
  return changed(set, names, false);
}

function changed(set: NameSet, names: readonly string[], isIn: boolean): NameSet {
  const added = new Set<string>();
  for (const name of names) if (hasName(set, name) !== isIn) added.add(name);
  if (added.size === 0) return set;
  const changes = Array.from(added, (name): [string, boolean | undefined] => [
    name,
    (set.base?.has(name) ?? false) === isIn ? undefined : isIn,
  ]);
  return { ...set, size: set.size + (isIn ? added.size : -added.size), differs: withChanges(set.differs, changes) };
}

/** Fewer are not worth it. */
const least = 32;

/** The same names, kept as those of the view, if that is where most are. O(names). */
export function shareNames(set: NameSet, resources: ViewResources): NameSet {
  if (set.base !== undefined || set.size < least || resources.size > set.size * 2) return set;
  const differs: [string, boolean][] = [];
  for (const name of namesIn(set)) if (!resources.has(name)) differs.push([name, true]);
  const missing = resources.size - (set.size - differs.length);
  if ((differs.length + missing) * 4 > set.size) return set;
  if (missing > 0) for (const name of resources.keys()) if (!hasName(set, name)) differs.push([name, false]);
  return { size: set.size, base: resources, differs: toPersistentMap(differs) };
}

/** The same names when the view changes: `names` are all that the one has and the other has not, and may be more. */
export function rebaseNames(set: NameSet, resources: ViewResources, names: readonly string[]): NameSet {
  if (set.base === undefined) return set;
  const changes: [string, boolean | undefined][] = [];
  for (const name of names) {
    const isIn = hasName(set, name);
    const differs = isIn !== resources.has(name);
    if (differs || lookup(set.differs, name) !== undefined) changes.push([name, differs ? isIn : undefined]);
  }
  const rebased = { size: set.size, base: resources, differs: withChanges(set.differs, changes) };
  if (rebased.differs.size <= set.size + least) return rebased;
  const all = Array.from(namesIn(rebased), (name): [string, boolean] => [name, true]);
  return { size: set.size, base: undefined, differs: toPersistentMap(all) };
}
