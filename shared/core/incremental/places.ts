import { type Cell, type Cells, changed, sourceIn } from "./cells.ts";

/** What lies at one place. */
interface Place<T> {
  /** Sorted by key. */
  readonly lots: Lot<T>[];
  /** All items, made when they are asked for. */
  items: readonly T[] | undefined;
}

/** What one key put there. */
interface Lot<T> {
  readonly key: string;
  items: readonly T[];
}

/** Items by place, and by the key that put them there. */
export function createPlaces<T>(all: Cells) {
  /** Each with a Place, while something lies there. */
  const places = new Map<string, Cell>();
  const placesOf = new Map<string, readonly string[]>();

  /** `items`: of a key, instead of those before; none: it leaves. */
  const put = (name: string, key: string, items: readonly T[]): void => {
    const cell = sourceIn(places, name);
    const place = cell.value as Place<T> | undefined;
    if (place === undefined) cell.value = { lots: [{ key, items }], items } satisfies Place<T>;
    else if (!replace(place, key, items)) return;
    else if (place.lots.length === 0) {
      cell.value = undefined;
      all.emptied(cell);
    }
    changed(cell);
  };

  return {
    at: (name: string): readonly T[] => {
      const cell = all.isReading() ? sourceIn(places, name) : places.get(name);
      if (cell === undefined) return [];
      all.observe(cell);
      const place = cell.value as Place<T> | undefined;
      if (place === undefined) return [];
      place.items ??= place.lots.length === 1 ? place.lots[0]?.items : place.lots.flatMap(({ items }) => items);
      return place.items ?? [];
    },

    put(key: string, pairs: readonly (readonly [place: string, item: T])[]): void {
      const lots = itemsByPlace(pairs);
      for (const name of placesOf.get(key) ?? []) if (!lots.some(([other]) => other === name)) put(name, key, []);
      for (const [name, items] of lots) put(name, key, items);
      if (lots.length === 0) placesOf.delete(key);
      else
        placesOf.set(
          key,
          lots.map(([name]) => name),
        );
    },
  };
}

function itemsByPlace<T>(
  pairs: readonly (readonly [place: string, item: T])[],
): readonly (readonly [place: string, items: readonly T[]])[] {
  // Most keys put one thing at one place.
  if (pairs.length < 2) return pairs.map(([name, item]) => [name, [item]]);
  return [...Map.groupBy(pairs, ([name]) => name)].map(([name, lot]) => [name, lot.map(([, item]) => item)]);
}

/** False: it has them already. */
function replace<T>(place: Place<T>, key: string, items: readonly T[]): boolean {
  const { lots } = place;
  const at = positionOf(lots, key);
  const lot = lots[at]?.key === key ? lots[at] : undefined;
  if (lot !== undefined && isSameList(lot.items, items)) return false;
  if (items.length === 0) lots.splice(at, 1);
  else if (lot === undefined) lots.splice(at, 0, { key, items });
  else lot.items = items;
  place.items = undefined;
  return true;
}

/** Where the lot of a key is, or would be. */
function positionOf(lots: readonly Lot<unknown>[], key: string): number {
  let [low, high] = [0, lots.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lots[middle]?.key ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function isSameList<T>(before: readonly T[], after: readonly T[]): boolean {
  return before.length === after.length && before.every((item, position) => item === after[position]);
}
