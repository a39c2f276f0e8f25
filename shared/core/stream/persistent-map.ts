/**
 * An immutable map by name. A small change copies only a small overlay, never the whole map, so a stream of a thousand resources stays a value
 * and still takes an acknowledgement in constant time (amortised O(√n)).
 */
export interface PersistentMap<V> {
  readonly size: number;
  readonly base: ReadonlyMap<string, V>;
  readonly overlay: Overlay<V>;
}

type Overlay<V> = Pick<ReadonlyMap<string, V | typeof gone>, "size" | "get" | typeof Symbol.iterator>;

const gone = Symbol("gone");
const none: ReadonlyMap<string, never> = new Map<string, never>();
const emptyMap: PersistentMap<never> = { size: 0, base: none, overlay: none };

/** So many entries are found faster one after the other than by a hash, and take a tenth of a Map's memory: nearly all overlays of nearly all streams. */
const few = 6;

class Few<V> implements Overlay<V> {
  readonly #entries: readonly (readonly [string, V])[];

  constructor(entries: readonly (readonly [string, V])[]) {
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.length;
  }

  get(name: string): V | undefined {
    for (const entry of this.#entries) if (entry[0] === name) return entry[1];
    return undefined;
  }

  copy(): (readonly [string, V])[] {
    return this.#entries.slice();
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.#entries[Symbol.iterator]() as MapIterator<[string, V]>;
  }
}

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
export function withChanges<V>(map: PersistentMap<V>, changes: Changes<V>): PersistentMap<V> {
  if (changes.length === 0) return map;
  if (isLarge(map, changes.length)) {
    const all = new Map(entriesOf(map));
    for (const [name, value] of changes) {
      if (value === undefined) all.delete(name);
      else all.set(name, value);
    }
    return toPersistentMap(all);
  }
  return map.overlay.size + changes.length <= few ? withFew(map, changes) : withMany(map, changes);
}

type Changes<V> = readonly (readonly [string, V | undefined])[];

function withFew<V>(map: PersistentMap<V>, changes: Changes<V>): PersistentMap<V> {
  const { overlay } = map;
  const entries = overlay instanceof Few ? (overlay as Few<V | typeof gone>).copy() : [...overlay];
  let size = map.size;
  for (const [name, value] of changes) {
    const position = positionOf(entries, name);
    const own = position < 0 ? undefined : entries[position];
    size += growth(own === undefined ? map.base.get(name) : own[1], value);
    if (value === undefined && !map.base.has(name)) {
      if (own !== undefined) entries.splice(position, 1);
      continue;
    }
    const entry = [name, value ?? gone] as const;
    if (own === undefined) entries.push(entry);
    else entries[position] = entry;
  }
  return size === 0 ? emptyMap : { size, base: map.base, overlay: new Few(entries) };
}

function positionOf(entries: readonly (readonly [string, unknown])[], name: string): number {
  let position = entries.length - 1;
  while (position >= 0 && entries[position]?.[0] !== name) position -= 1;
  return position;
}

function withMany<V>(map: PersistentMap<V>, changes: Changes<V>): PersistentMap<V> {
  const overlay = new Map<string, V | typeof gone>(map.overlay);
  let size = map.size;
  for (const [name, value] of changes) {
    size += growth(overlay.get(name) ?? map.base.get(name), value);
    if (value !== undefined) overlay.set(name, value);
    else if (map.base.has(name)) overlay.set(name, gone);
    else overlay.delete(name);
  }
  return size === 0 ? emptyMap : { size, base: map.base, overlay };
}

function growth<V>(before: V | typeof gone | undefined, after: V | undefined): number {
  return Number(after !== undefined) - Number(before !== undefined && before !== gone);
}

/** Entries that were there first come first. */
export function entriesOf<V>(map: PersistentMap<V>): Iterable<readonly [string, V]> {
  if (map.overlay.size === 0) return map.base;
  // Without a base there is nothing that could be gone from it.
  if (map.base.size === 0) return map.overlay as Overlay<never> as Iterable<[string, V]>;
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
