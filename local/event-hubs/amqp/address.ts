import { groupKey, type Hub, type Partition } from "../hub.ts";
import { notFound, type Refusal } from "../refusal.ts";

/** The hubs by lower-case name. */
export type Hubs = ReadonlyMap<string, Hub>;

export type Resolved<Target> = { readonly found: Target } | { readonly refusal: Refusal };

const SENDER_ADDRESS = /^([^/]+)(?:\/Partitions\/([^/]+))?$/i;
const RECEIVER_ADDRESS = /^([^/]+)\/ConsumerGroups\/([^/]+)\/Partitions\/([^/]+)$/i;

/** `hub` or `hub/Partitions/n`: where a producer sends (spec azure.md §3.1). */
export function resolveSenderAddress(
  hubs: Hubs,
  address: string,
): Resolved<{ readonly hub: Hub; readonly partition: Partition | undefined }> {
  const [, hubName = address, partitionId] = SENDER_ADDRESS.exec(address) ?? [];
  const hub = findHub(hubs, hubName);
  if (hub === undefined) return { refusal: notFound(address) };
  if (partitionId === undefined) return { found: { hub, partition: undefined } };
  const partition = findPartition(hub, partitionId);
  return partition === undefined ? { refusal: noSuchPartition(hub) } : { found: { hub, partition } };
}

/** `hub/ConsumerGroups/g/Partitions/n`: where a consumer reads. */
export function resolveReceiverAddress(
  hubs: Hubs,
  address: string,
): Resolved<{ readonly hub: Hub; readonly partition: Partition; readonly group: string }> {
  const [, hubName, consumerGroup = "", partitionId = ""] = RECEIVER_ADDRESS.exec(address) ?? [];
  const hub = hubName === undefined ? undefined : findHub(hubs, hubName);
  if (hub === undefined) return { refusal: notFound(address) };
  const partition = findPartition(hub, partitionId);
  if (partition === undefined) return { refusal: noSuchPartition(hub) };
  const group = groupKey(consumerGroup);
  return partition.readers.has(group) ? { found: { hub, partition, group } } : { refusal: notFound(address) };
}

export function findHub(hubs: Hubs, name: string): Hub | undefined {
  return hubs.get(name.toLowerCase());
}

export function findPartition(hub: Hub, id: string): Partition | undefined {
  return hub.partitions.find((partition) => partition.id === id);
}

export function noSuchPartition(hub: Hub): Refusal {
  return {
    condition: "com.microsoft:argument-out-of-range",
    description: `The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and ${hub.partitions.length - 1}.`,
  };
}
