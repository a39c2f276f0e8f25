import { createChangeOrder } from "./change-order.ts";
import { expiryOf, type ItemKey, type StoredItem } from "./item.ts";
import { createPartition, isIn, type Partition, type Scope } from "./partition.ts";
import { encodePartitionKey, type PartitionKey, type PropertyPath } from "./partition-key.ts";

/** What the data of a container depends on. */
export interface ContainerSettings {
  /** The container's own rid, the beginning of its items'. */
  readonly rid: string;
  readonly partitionKeyPaths: readonly PropertyPath[];
  /** Seconds; see `expiryOf`. */
  readonly defaultTtl: number | undefined;
  /** Sets of paths whose values are unique within a partition key. */
  readonly uniqueKeys: readonly (readonly PropertyPath[])[];
}

/** What one lsn did: all of it or nothing. */
export interface Transaction {
  readonly lsn: number;
  readonly puts: readonly StoredItem[];
  readonly deletes: readonly ItemKey[];
}

/** What reads need of a container; `now` is ms since 1970. */
export interface ReadView {
  readonly settings: ContainerSettings;
  /** The number of the last transaction that is seen; 0 before the first. */
  readonly lsn: number;
  get(key: ItemKey, now: number): StoredItem | undefined;
  /** Live items in the order of their creation. */
  items(scope: Scope, now: number): StoredItem[];
  /** Live newest versions written after an lsn, in the order of writing. */
  changes(scope: Scope, after: number, now: number): Iterable<StoredItem>;
}

/** The items of one container in memory: a data structure, no I/O and no clock. */
export interface ContainerData extends ReadView {
  /** The serial that the next new item takes. */
  readonly nextSerial: number;
  /** Bytes of all items under a partition key, as text. */
  partitionBytes(partition: string): number;
  /** Applies a transaction whose lsn is above the last one's. */
  apply(transaction: Transaction): void;
  /** Forgets expired items. */
  expire(now: number): void;
  /** Another expiry by default, from now on; see `ContainerSettings`. */
  setDefaultTtl(seconds: number | undefined): void;
  /** Takes over counters from a snapshot, whose newest items may be gone. */
  restore(counters: { readonly lsn: number; readonly nextSerial: number }): void;
}

export function createContainerData(initial: ContainerSettings): ContainerData {
  let settings = initial;
  const partitions = new Map<string, Partition>();
  const isNewest = (item: StoredItem): boolean => partitions.get(item.partition)?.items.get(item.id) === item;
  const order = createChangeOrder(isNewest);
  const isLive = (item: StoredItem, now: number): boolean => expiryOf(item, settings.defaultTtl) > now;
  let lsn = 0;
  let nextSerial = 1;

  const remove = ({ partition: name, id }: ItemKey): void => {
    const partition = partitions.get(name);
    if (partition === undefined || !partition.remove(id)) return;
    order.retire();
    if (partition.items.size === 0) partitions.delete(name);
  };
  const put = (item: StoredItem): void => {
    let partition = partitions.get(item.partition);
    if (partition === undefined) {
      partition = createPartition(item.partitionKey);
      partitions.set(item.partition, partition);
    }
    order.add(item);
    if (partition.put(item)) order.retire();
    nextSerial = Math.max(nextSerial, item.serial + 1);
  };

  return {
    get settings() {
      return settings;
    },
    get lsn() {
      return lsn;
    },
    get nextSerial() {
      return nextSerial;
    },
    partitionBytes: (partition) => partitions.get(partition)?.bytes ?? 0,
    apply(transaction) {
      for (const key of transaction.deletes) remove(key);
      for (const item of transaction.puts) put(item);
      lsn = Math.max(lsn, transaction.lsn);
    },
    get(key, now) {
      const item = partitions.get(key.partition)?.items.get(key.id);
      return item !== undefined && isLive(item, now) ? item : undefined;
    },
    items(scope, now) {
      const found: StoredItem[] = [];
      for (const partition of partitionsIn(scope)) {
        for (const item of partition.items.values()) if (isLive(item, now)) found.push(item);
      }
      return found.sort((one, other) => one.serial - other.serial);
    },
    *changes(scope, after, now) {
      const whole = scope.kind === "key" ? singlePartition(scope.key) : undefined;
      for (const item of (whole?.order ?? order).after(after)) {
        const partition = partitions.get(item.partition);
        if (partition !== undefined && isIn(partition, scope) && isLive(item, now)) yield item;
      }
    },
    expire(now) {
      for (const partition of partitions.values()) {
        for (const item of partition.items.values()) if (!isLive(item, now)) remove(item);
      }
    },
    setDefaultTtl(defaultTtl) {
      settings = { ...settings, defaultTtl };
    },
    restore(counters) {
      lsn = Math.max(lsn, counters.lsn);
      nextSerial = Math.max(nextSerial, counters.nextSerial);
    },
  };

  function singlePartition(key: PartitionKey): Partition | undefined {
    return key.length === settings.partitionKeyPaths.length ? partitions.get(encodePartitionKey(key)) : undefined;
  }

  function partitionsIn(scope: Scope): Partition[] {
    const single = scope.kind === "key" ? singlePartition(scope.key) : undefined;
    return single === undefined ? [...partitions.values()].filter((candidate) => isIn(candidate, scope)) : [single];
  }
}
