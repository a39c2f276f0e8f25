import type { ContainerData, ReadView, Transaction } from "./container-data.ts";
import { expiryOf, type ItemKey, type StoredItem } from "./item.ts";
import { isIn, type Scope } from "./partition.ts";

/** How much of the past is kept. */
export interface HistoryLimits {
  /** Milliseconds. */
  readonly age: number;
  /** Of the versions that were replaced, and a little for each transaction. */
  readonly bytes: number;
}

/** The recent past of one container: what lagging reads see, and where a restore leads. */
export interface History {
  /** Notes what a transaction is about to replace. @param now ms since 1970 */
  record(transaction: Transaction, now: number): void;
  /** The last lsn at a time, in ms since 1970; the oldest that is kept for times before it. */
  lsnAt(time: number): number;
  /** The container as it was when an lsn was its last; the oldest that is kept for an older one. */
  asOf(lsn: number): ReadView;
  /** The transaction that puts everything back as it was at an lsn; undefined when nothing has changed since. */
  undo(lsn: number): Transaction | undefined;
}

/** What stood at a key before a transaction. */
interface Before {
  readonly key: ItemKey;
  readonly item: StoredItem | undefined;
}

interface Entry {
  readonly lsn: number;
  /** ms since 1970. */
  readonly time: number;
  readonly before: readonly Before[];
  readonly bytes: number;
}

/** What an entry takes beside the versions that it keeps, bytes. */
const entryBytes = 256;

export function createHistory(data: ContainerData, limits: HistoryLimits): History {
  let entries: Entry[] = [];
  let dropped = data.lsn;
  let bytes = 0;

  /** Drops what is too old or too much: down to three quarters, so that a long history is not copied for every write. */
  const forget = (now: number): void => {
    const [oldest] = entries;
    if (oldest === undefined || (bytes <= limits.bytes && now - oldest.time <= limits.age)) return;
    let count = 0;
    for (const entry of entries) {
      if (bytes <= limits.bytes * 0.75 && now - entry.time <= limits.age * 0.75) break;
      bytes -= entry.bytes;
      dropped = entry.lsn;
      count += 1;
    }
    entries = entries.slice(count);
  };
  /** By name of the item: what stood there at an lsn, where that has changed since. */
  const changedSince = (lsn: number): ReadonlyMap<string, Before> => {
    const changed = new Map<string, Before>();
    for (let index = entries.length - 1; index >= 0; index -= 1) {
      const entry = entries[index];
      if (entry === undefined || entry.lsn <= lsn) break;
      for (const before of entry.before) changed.set(nameOf(before.key), before);
    }
    return changed;
  };

  return {
    record(transaction, now) {
      const keys = [...transaction.puts, ...transaction.deletes].map(({ partition, id }) => ({ partition, id }));
      const before = keys.map((key) => ({ key, item: data.get(key, Number.NEGATIVE_INFINITY) }));
      const size = before.reduce((sum, { item }) => sum + (item?.size ?? 0), entryBytes);
      entries.push({ lsn: transaction.lsn, time: now, before, bytes: size });
      bytes += size;
      forget(now);
    },
    lsnAt(time) {
      return entries.findLast((entry) => entry.time <= time)?.lsn ?? dropped;
    },
    asOf(lsn) {
      const kept = Math.max(lsn, dropped);
      return kept >= data.lsn ? data : viewOf(data, kept, changedSince(kept));
    },
    undo(lsn) {
      const changed = [...changedSince(Math.max(lsn, dropped)).values()];
      if (changed.length === 0) return undefined;
      const next = data.lsn + 1;
      return {
        lsn: next,
        puts: changed.flatMap(({ item }) => (item === undefined ? [] : [{ ...item, lsn: next }])),
        deletes: changed.flatMap(({ key, item }) => (item === undefined ? [key] : [])),
      };
    },
  };
}

function viewOf(data: ContainerData, lsn: number, changed: ReadonlyMap<string, Before>): ReadView {
  const isSame = (item: StoredItem): boolean => !changed.has(nameOf(item));
  const older = [...changed.values()].flatMap(({ item }) => item ?? []);
  const isLive = (item: StoredItem, now: number): boolean => expiryOf(item, data.settings.defaultTtl) > now;
  const olderIn = (scope: Scope, now: number): StoredItem[] =>
    older.filter((item) => isIn({ key: item.partitionKey, effectiveKey: undefined }, scope) && isLive(item, now));
  return {
    settings: data.settings,
    lsn,
    get(key, now) {
      const before = changed.get(nameOf(key));
      if (before === undefined) return data.get(key, now);
      return before.item !== undefined && isLive(before.item, now) ? before.item : undefined;
    },
    items(scope, now) {
      const items = [...data.items(scope, now).filter((item) => isSame(item)), ...olderIn(scope, now)];
      return items.sort((one, other) => one.serial - other.serial);
    },
    changes(scope, after, now) {
      const newer = [...data.changes(scope, after, now)].filter((item) => isSame(item));
      return [...newer, ...olderIn(scope, now).filter((item) => item.lsn > after)].sort(
        (one, other) => one.lsn - other.lsn,
      );
    },
  };
}

function nameOf({ partition, id }: ItemKey): string {
  return `${partition}\n${id}`;
}
