import { type ChangeOrder, createChangeOrder } from "./change-order.ts";
import { effectivePartitionKey } from "./effective-partition-key.ts";
import type { StoredItem } from "./item.ts";
import { type PartitionKey, startsWithKey } from "./partition-key.ts";

/** Which part of a container a query or feed sees. */
export type Scope =
  | { readonly kind: "all" }
  /** One partition key, or all keys that begin with it (hierarchical). */
  | { readonly kind: "key"; readonly key: PartitionKey }
  /** A range of the hash ring: min inclusive, max exclusive, hex. */
  | { readonly kind: "range"; readonly min: string; readonly max: string };

/** The items of one partition key. */
export interface Partition {
  readonly key: PartitionKey;
  /** Newest versions by id. */
  readonly items: ReadonlyMap<string, StoredItem>;
  readonly order: ChangeOrder;
  /** Of all items, expired ones included until they are forgotten. */
  readonly bytes: number;
  /** Its place on the hash ring, once asked for. */
  effectiveKey: string | undefined;
  /** Whether there was an older version. */
  put(item: StoredItem): boolean;
  /** Whether there was an item. */
  remove(id: string): boolean;
}

export function createPartition(key: PartitionKey): Partition {
  const items = new Map<string, StoredItem>();
  const order = createChangeOrder((candidate) => items.get(candidate.id) === candidate);
  let bytes = 0;
  return {
    key,
    items,
    order,
    effectiveKey: undefined,
    get bytes() {
      return bytes;
    },
    put(item) {
      const older = items.get(item.id);
      bytes += item.size - (older?.size ?? 0);
      items.set(item.id, item);
      order.add(item);
      if (older !== undefined) order.retire();
      return older !== undefined;
    },
    remove(id) {
      const item = items.get(id);
      if (item === undefined) return false;
      bytes -= item.size;
      items.delete(id);
      order.retire();
      return true;
    },
  };
}

/** Whether a partition key is in a scope. */
export function isIn(partition: Pick<Partition, "key" | "effectiveKey">, scope: Scope): boolean {
  switch (scope.kind) {
    case "all":
      return true;
    case "key":
      return startsWithKey(partition.key, scope.key);
    case "range":
      partition.effectiveKey ??= effectivePartitionKey(partition.key);
      return partition.effectiveKey >= scope.min && partition.effectiveKey < scope.max;
  }
}
