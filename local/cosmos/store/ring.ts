import { effectivePartitionKey } from "./effective-partition-key.ts";
import type { Scope } from "./partition.ts";

/** One partition key range: min inclusive, max exclusive, hex. */
export interface RingRange {
  readonly id: string;
  readonly min: string;
  readonly max: string;
}

/** The end of the hash ring. */
export const ringEnd = "FF";

/** Where the hashes end: their two highest bits are never set (`effectivePartitionKey`). */
const hashEnd = 0x4000;

/** The ring in equal ranges, as a container of that many physical partitions has it. */
export function splitRing(count: number): readonly RingRange[] {
  const border = (index: number): string =>
    Math.floor((hashEnd * index) / count)
      .toString(16)
      .toUpperCase()
      .padStart(4, "0");
  return Array.from({ length: count }, (_, index) => ({
    id: String(index),
    min: index === 0 ? "" : border(index),
    max: index === count - 1 ? ringEnd : border(index + 1),
  }));
}

/** The ranges that a scope touches. @param components of the container's partition keys */
export function rangesIn(ranges: readonly RingRange[], scope: Scope, components: number): readonly RingRange[] {
  switch (scope.kind) {
    case "all":
      return ranges;
    case "range":
      return ranges.filter(({ min, max }) => min < scope.max && scope.min < max);
    case "key": {
      if (scope.key.length < components) return ranges;
      const place = effectivePartitionKey(scope.key);
      return ranges.filter(({ min, max }) => min <= place && place < max);
    }
  }
}
