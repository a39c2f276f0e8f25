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
  readonly items: Map<string, StoredItem>;
  readonly order: ChangeOrder;
  /** Its place on the hash ring, once asked for. */
  effectiveKey: string | undefined;
}

export function createPartition(key: PartitionKey): Partition {
  const items = new Map<string, StoredItem>();
  const isNewest = (candidate: StoredItem): boolean => items.get(candidate.id) === candidate;
  return { key, items, order: createChangeOrder(isNewest), effectiveKey: undefined };
}

/** Whether a partition key is in a scope. */
export function isIn(partition: Partition, scope: Scope): boolean {
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
