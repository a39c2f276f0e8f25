/**
 * An immutable map by name. A small change copies only a small overlay, never the whole map, so a stream of a thousand resources stays a value
 * and still takes an acknowledgement in constant time (amortised O(√n)).
 */
export interface PersistentMap<V> {
  readonly size: number;
  readonly base: ReadonlyMap<string, V>;
  readonly overlay: ReadonlyMap<string, V | typeof gone>;
}

const gone = Symbol("gone");
const none: ReadonlyMap<string, never> = new Map<string, never>();
const emptyMap: PersistentMap<never> = { size: 0, base: none, overlay: none };

export function emptyPersistentMap<V>(): PersistentMap<V> {
  return emptyMap;
}

export function toPersistentMap<V>(entries: Iterable<readonly [string, V]>): PersistentMap<V> {
  const base = new Map(entries);
  return base.size === 0 ? emptyMap : { size: base.size, base, overlay: none };
}

export function lookup<V>(map: PersistentMap<V>, name: string): V | undefined {
  if (map.overlay.size > 0) {
    const changed = map.overlay.get(name);
    if (changed !== undefined) return changed === gone ? undefined : changed;
  }
  return map.base.get(name);
}

export function includes<V>(map: PersistentMap<V>, name: string): boolean {
  return lookup(map, name) !== undefined;
}

export function withEntry<V>(map: PersistentMap<V>, name: string, value: V): PersistentMap<V> {
  return withEntries(map, [[name, value]]);
}

export function withEntries<V>(map: PersistentMap<V>, entries: readonly (readonly [string, V])[]): PersistentMap<V> {
  return withChanges(map, entries);
}

export function without<V>(map: PersistentMap<V>, name: string): PersistentMap<V> {
  if (map.size === 0 || !includes(map, name)) return map;
  return map.size === 1 ? emptyMap : withChanges(map, [[name, undefined]]);
}

export function withoutAll<V>(map: PersistentMap<V>, names: readonly string[]): PersistentMap<V> {
  if (names.length === 0 || map.size === 0) return map;
  const [only] = names;
  if (names.length === 1 && only !== undefined) return without(map, only);
  return withChanges(
    map,
    names.map((name) => [name, undefined]),
  );
}

/** Sets each name to its value, or drops it when that is undefined. */
export function withChanges<V>(
  map: PersistentMap<V>,
  changes: readonly (readonly [string, V | undefined])[],
): PersistentMap<V> {
  if (changes.length === 0) return map;
  if (isLarge(map, changes.length)) {
    const all = new Map(entriesOf(map));
    for (const [name, value] of changes) {
      if (value === undefined) all.delete(name);
      else all.set(name, value);
    }
    return toPersistentMap(all);
  }
  const overlay = map.overlay.size === 0 ? new Map<string, V | typeof gone>() : new Map(map.overlay);
  let size = map.size;
  for (const [name, value] of changes) {
    const before = overlay.get(name) ?? map.base.get(name);
    const had = before !== undefined && before !== gone;
    if (had !== (value !== undefined)) size += had ? -1 : 1;
    if (value !== undefined) overlay.set(name, value);
    else if (map.base.has(name)) overlay.set(name, gone);
    else overlay.delete(name);
  }
  return size === 0 ? emptyMap : { size, base: map.base, overlay };
}

/** Entries that were there first come first. */
export function entriesOf<V>(map: PersistentMap<V>): Iterable<readonly [string, V]> {
  if (map.overlay.size === 0) return map.base;
  // Without a base there is nothing that could be gone from it.
  if (map.base.size === 0) return map.overlay as ReadonlyMap<string, V>;
  return mergedEntries(map);
}

function* mergedEntries<V>(map: PersistentMap<V>): Generator<readonly [string, V]> {
  for (const entry of map.base) {
    const changed = map.overlay.get(entry[0]);
    if (changed === undefined) yield entry;
    else if (changed !== gone) yield [entry[0], changed];
  }
  for (const [name, value] of map.overlay) {
    if (value !== gone && !map.base.has(name)) yield [name, value];
  }
}

export function* namesOf<V>(map: PersistentMap<V>): Generator<string> {
  for (const [name] of entriesOf(map)) yield name;
}

/** Whether an overlay with so many more changes would be worth folding into the base. */
function isLarge<V>(map: PersistentMap<V>, added: number): boolean {
  const changes = map.overlay.size + added;
  return changes > 16 && changes * changes > map.base.size;
}
