import rhea from "rhea";
import type { Hub, Partition } from "../hub.ts";
import type { HubNamespace } from "../namespace.ts";
import { notFound, type Refusal, serverBusy } from "../refusal.ts";
import { findHub, findPartition, noSuchPartition } from "./address.ts";
import type { Claims } from "./cbs.ts";
import { type Reply, type Request, textOf } from "./request-node.ts";

/** What the service gives as the last enqueued time of an empty partition: the year 1. */
const NO_TIME = Date.parse("0001-01-01T00:00:00Z");
/** AMQP constructor of a short string, which the elements of an array share. */
const SHORT_STRING = 0xa1;

/** Answers `READ` of a hub or a partition (spec azure.md §3.1). */
export function answerManagement(
  { namespace, claims }: { readonly namespace: HubNamespace; readonly claims: Claims },
  request: Request,
): Reply {
  const name = textOf(request, "name");
  const type = textOf(request, "type");
  if (textOf(request, "operation") !== "READ")
    return refuse(400, { condition: "amqp:not-implemented", description: "Unknown operation" });
  const hub = findHub(namespace.hubs, name);
  if (hub === undefined) return refuse(404, notFound(name));
  const unauthorized = claims.refusal(name);
  if (unauthorized !== undefined) return refuse(401, unauthorized);
  const refusal = namespace.manage(hub);
  if (refusal !== undefined) return refuse(refusal.condition === serverBusy.condition ? 503 : 401, refusal);
  if (type === "com.microsoft:eventhub") return ok(describeHub(hub));
  if (type !== "com.microsoft:partition")
    return refuse(400, { condition: "amqp:not-implemented", description: "Unknown type" });
  const partition = findPartition(hub, textOf(request, "partition"));
  return partition === undefined ? refuse(400, noSuchPartition(hub)) : ok(describePartition(hub, partition));
}

const ok = (body: Readonly<Record<string, unknown>>): Reply => ({ status: 200, description: "OK", body });
const refuse = (status: number, { condition, description }: Refusal): Reply => ({ status, description, condition });

function describeHub(hub: Hub): Readonly<Record<string, unknown>> {
  const { types } = rhea;
  return {
    name: hub.name,
    type: "com.microsoft:eventhub",
    created_at: types.wrap_timestamp(hub.createdAt),
    partition_count: types.wrap_int(hub.partitions.length),
    partition_ids: types.wrap_array(
      hub.partitions.map(({ id }) => id),
      SHORT_STRING,
      undefined,
    ),
    georeplication_factor: types.wrap_int(1),
  };
}

function describePartition(hub: Hub, partition: Partition): Readonly<Record<string, unknown>> {
  const { types } = rhea;
  const properties = partition.log.properties();
  return {
    name: hub.name,
    type: "com.microsoft:partition",
    partition: partition.id,
    begin_sequence_number: types.wrap_long(properties.beginningSequenceNumber),
    last_enqueued_sequence_number: types.wrap_long(properties.lastSequenceNumber),
    last_enqueued_offset: String(properties.lastOffset),
    last_enqueued_time_utc: types.wrap_timestamp(properties.lastEnqueuedTime ?? NO_TIME),
    is_partition_empty: properties.isEmpty,
  };
}
