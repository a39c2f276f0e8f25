import type { StoredItem } from "./item.ts";

/** The newest versions of items in the order they were written, which is what a change feed reads. */
export interface ChangeOrder {
  /** Adds a version; its lsn is at least that of the last one. */
  add(item: StoredItem): void;
  /** Says that one version that was added is no longer the newest. */
  retire(): void;
  /** The newest versions with an lsn above the given one. */
  after(lsn: number): Generator<StoredItem>;
}

/** @param isNewest whether the version is still the item's newest */
export function createChangeOrder(isNewest: (item: StoredItem) => boolean): ChangeOrder {
  let items: StoredItem[] = [];
  let retired = 0;
  return {
    add(item) {
      items.push(item);
    },
    retire() {
      retired += 1;
      if (retired > 64 && retired * 2 > items.length) {
        items = items.filter((item) => isNewest(item));
        retired = 0;
      }
    },
    *after(lsn) {
      const snapshot = items;
      for (let index = firstAfter(snapshot, lsn); index < snapshot.length; index += 1) {
        const item = snapshot[index];
        if (item !== undefined && isNewest(item)) yield item;
      }
    },
  };
}

function firstAfter(items: readonly StoredItem[], lsn: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle]?.lsn ?? 0) > lsn) high = middle;
    else low = middle + 1;
  }
  return low;
}
