import { type Cell, type Cells, cellIn, changed, createCells, type Family, type Keeper, sourceIn } from "./cells.ts";
import { createPlaces } from "./places.ts";

/**
 * Values derived from values, each computed when something asks for it and again when what it was made of changed. What a computation reads is noted as it
 * reads, so nobody keeps lists of what depends on what. A change marks what may be concerned (`unsure`); settling computes only that, and stops wherever a
 * result comes out the same. Values that nothing asks for any more are dropped.
 */
export interface Derivations {
  /** Values from outside. */
  input<V>(): Input<V>;
  /** One value a key. Reading it inside another computation makes that one depend on it; computations must not read themselves. */
  derive<V>(compute: (key: string) => V, options?: DeriveOptions<V>): Derived<V>;
  /**
   * The values of `of`, kept up to date for every key of `keys` and told apart by place: `pairs` says which items a value puts where. Reading a place makes a
   * computation depend on what lies there, in the order of the keys. What is gathered must not depend on the place where it is gathered.
   */
  gather<V, T>(
    keys: Input<unknown>,
    of: Derived<V>,
    pairs: (value: V) => readonly (readonly [place: string, item: T])[],
  ): Gathered<T>;
  /** Keeps `of` up to date for every key of `keys`. */
  keep<V>(keys: Input<unknown>, of: Derived<V>): void;
  /** Brings everything that is kept or gathered up to date. */
  settle(): void;
}

export interface Input<V> {
  read(key: string): V | undefined;
  set(key: string, value: V | undefined): void;
  keys(): Iterable<string>;
}

export type Derived<V> = (key: string) => V;
export type Gathered<T> = (place: string) => readonly T[];

export interface DeriveOptions<V> {
  /** Identity unless given. The value before stands where the next one is the same. */
  readonly same?: (before: NonNullable<V>, after: NonNullable<V>) => boolean;
  /** Told of every value that comes, changes or goes. */
  readonly changed?: (change: {
    readonly key: string;
    readonly before: V | undefined;
    readonly after: V | undefined;
  }) => void;
}

export function createDerivations(): Derivations {
  const cells = createCells();
  const keepers: Keeper[] = [];
  const keepersOf = new Map<Input<unknown>, Keeper[]>();
  const families = new Map<Derived<unknown>, Family>();

  const keep = (keys: Input<unknown>, of: Derived<unknown>, take: Keeper["take"]): void => {
    const family = families.get(of);
    if (family === undefined) throw new Error("only what was derived here can be kept");
    const keeper: Keeper = { family, queue: [], take };
    keepers.push(keeper);
    keepersOf.get(keys)?.push(keeper);
    for (const key of keys.keys()) cells.attach(keeper, key);
  };

  return {
    input<V>() {
      const own: Keeper[] = [];
      const input = createInput<V>(cells, own);
      keepersOf.set(input, own);
      return input;
    },

    derive<V>(compute: (key: string) => V, { same, changed }: DeriveOptions<V> = {}) {
      const family: Family = {
        cells: new Map(),
        compute,
        same: (same ?? Object.is) as Family["same"],
        changed: changed as Family["changed"],
      };
      const derived: Derived<V> = (key) => {
        const cell = cellIn(family, key);
        cells.refresh(cell);
        cells.observe(cell);
        return cell.value as V;
      };
      families.set(derived, family);
      return derived;
    },

    gather<V, T>(keys: Input<unknown>, of: Derived<V>, pairs: (value: V) => readonly (readonly [string, T])[]) {
      const places = createPlaces<T>(cells);
      keep(keys, of, (key, value) => {
        places.put(key, value === undefined ? [] : pairs(value as V));
      });
      return places.at;
    },

    keep(keys, of) {
      keep(keys, of, () => undefined);
    },

    settle() {
      // Whoever is told that a value was dropped may set an input.
      do {
        // A keeper may depend on what those before it gather.
        for (let keeper = keepers.find(isBehind); keeper !== undefined; keeper = keepers.find(isBehind)) {
          // Grows while it is worked off.
          for (const cell of keeper.queue) {
            if (!cell.keepers.includes(keeper)) continue;
            cells.refresh(cell);
            keeper.take(cell.key, cell.value);
          }
          keeper.queue.length = 0;
        }
        cells.dropUnread();
      } while (keepers.some(isBehind));
    },
  };
}

function isBehind(keeper: Keeper): boolean {
  return keeper.queue.length > 0;
}

/** `keepers`: of families that have a value for each key of this input. */
function createInput<V>(cells: Cells, keepers: readonly Keeper[]): Input<V> {
  const values = new Map<string, Cell>();
  return {
    read(key) {
      const cell = cells.isReading() ? sourceIn(values, key) : values.get(key);
      if (cell !== undefined) cells.observe(cell);
      return cell?.value as V | undefined;
    },
    set(key, value) {
      const cell = value === undefined ? values.get(key) : sourceIn(values, key);
      if (cell === undefined || cell.value === value) return;
      const before = cell.value;
      cell.value = value;
      changed(cell);
      if (before === undefined) for (const keeper of keepers) cells.attach(keeper, key);
      if (value === undefined) {
        for (const keeper of keepers) cells.detach(keeper, key);
        cells.emptied(cell);
      }
    },
    *keys() {
      for (const { key, value } of values.values()) if (value !== undefined) yield key;
    },
  };
}
