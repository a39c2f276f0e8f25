import type { Container } from "../store/account.ts";
import { badRequest, rangeGone } from "../store/cosmos-error.ts";
import type { Scope } from "../store/partition.ts";
import { type PartitionKey, parsePartitionKey } from "../store/partition-key.ts";
import { type RingRange, ringEnd } from "../store/ring.ts";
import { header, type WireRequest } from "./exchange.ts";

/** The part of the container that a query or feed asks for: a partition key, a range of the ring, or everything. */
export function requestScope(request: WireRequest, container: Container, ranges: readonly RingRange[]): Scope {
  const key = header(request, "x-ms-documentdb-partitionkey");
  if (key !== undefined) {
    return { kind: "key", key: parsePartitionKey(key, container.data.settings.partitionKeyPaths.length) };
  }
  const id = header(request, "x-ms-documentdb-partitionkeyrangeid");
  const range = ranges.find((one) => one.id === id);
  if (id !== undefined && range === undefined) throw rangeGone(id);
  const min = header(request, "x-ms-start-epk") ?? range?.min ?? "";
  const max = header(request, "x-ms-end-epk") ?? range?.max ?? ringEnd;
  return min === "" && max === ringEnd ? { kind: "all" } : { kind: "range", min, max };
}

/** The complete partition key of a point operation; 400 when there is none. */
export function requestPartitionKey(request: WireRequest, container: Container): PartitionKey {
  const text = header(request, "x-ms-documentdb-partitionkey");
  if (text === undefined) throw badRequest("PartitionKey value must be supplied for this operation.");
  return completePartitionKey(text, container);
}

/** Parses a partition key that must have all its components. */
export function completePartitionKey(text: string, container: Container): PartitionKey {
  const count = container.data.settings.partitionKeyPaths.length;
  const key = parsePartitionKey(text, count);
  if (key.length !== count) throw badRequest(`Partition key ${text} has ${key.length} of ${count} components.`, 1001);
  return key;
}
