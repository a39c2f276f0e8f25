import { type Cell, type Cells, newCell } from "./cells.ts";

/** Items by place, and by the key that put them there. */
export function createPlaces<T>(all: Cells) {
  const placesOf = new Map<string, readonly string[]>();
  const contents = new Map<string, Map<string, T[]>>();
  const lists = new Map<string, readonly T[]>();
  const cells = new Map<string, Cell>();

  const touch = (place: string): void => {
    lists.delete(place);
    const cell = cells.get(place);
    if (cell !== undefined) all.changed(cell);
  };

  return {
    at: (place: string): readonly T[] => {
      all.observe(() => cells.get(place) ?? newCell(place, cells));
      const known = lists.get(place);
      if (known !== undefined) return known;
      const content = contents.get(place);
      if (content === undefined) return [];
      const list = [...content.keys()].sort().flatMap((key) => content.get(key) ?? []);
      lists.set(place, list);
      return list;
    },

    put(key: string, pairs: readonly (readonly [string, T])[]): void {
      const items = Map.groupBy(pairs, ([place]) => place);
      for (const place of placesOf.get(key) ?? []) {
        if (items.has(place)) continue;
        const content = contents.get(place);
        content?.delete(key);
        if (content?.size === 0) contents.delete(place);
        touch(place);
      }
      for (const [place, ofPlace] of items) {
        let content = contents.get(place);
        if (content === undefined) contents.set(place, (content = new Map()));
        const now = ofPlace.map(([, item]) => item);
        const before = content.get(key);
        if (before !== undefined && isSameList(before, now)) continue;
        content.set(key, now);
        touch(place);
      }
      if (items.size === 0) placesOf.delete(key);
      else placesOf.set(key, [...items.keys()]);
    },
  };
}

export function isSameList<T>(before: readonly T[], after: readonly T[]): boolean {
  return before.length === after.length && before.every((item, position) => item === after[position]);
}
