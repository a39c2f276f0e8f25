import { z } from "zod";
import type { AmqpNamespace } from "../../../shared/adapters/azure/amqp-namespace.ts";
import type { RetryContext } from "../app/core-api.ts";
import { keepsEmptyEntries } from "../app/typed-data.ts";
import { firstLine } from "../functions-host-error.ts";
import { waitOrAbort } from "../run-with-retries.ts";
import type { RunningTrigger, TriggerContext } from "../running-trigger.ts";
import { openAmqpReader } from "./amqp-reader.ts";
import { pumpPartition } from "./partition-pump.ts";
import type { CheckpointStore, PartitionReader, PartitionSource, ReceivedEvent } from "./received-event.ts";
import { toTriggerData } from "./to-trigger-data.ts";

export const eventHubTriggerSchema = z.looseObject({
  connection: z.string(),
  eventHubName: z.string(),
  consumerGroup: z.string().optional(),
  cardinality: z.enum(["one", "many"]).optional(),
  dataType: z.string().optional(),
});

/** Where the trigger's events come from: a broker, or a test's list. */
export interface PartitionReaders {
  /** Host name of the namespace. */
  readonly namespace: string;
  partitions(hub: string): Promise<readonly string[]>;
  open(source: PartitionSource, signal: AbortSignal, log: (message: string) => void): Promise<PartitionReader>;
}

/** Milliseconds between attempts to find a hub that cannot be reached yet: the first and the longest pause. */
const findPause = { first: 100, longest: 2000 };

/** Runs a function on the events of a hub: one pump a partition, all at once. A broker that is not there yet is waited for. */
export function startEventHubTrigger(
  context: TriggerContext,
  readers: PartitionReaders,
  checkpoints: CheckpointStore,
): RunningTrigger {
  const running = runAllPartitions(context, readers, checkpoints).catch((thrown: unknown) => {
    context.log("error", `the event hub trigger ended: ${firstLine(thrown)}`);
  });
  return {
    async [Symbol.asyncDispose]() {
      await running;
    },
  };
}

async function runAllPartitions(
  context: TriggerContext,
  readers: PartitionReaders,
  checkpoints: CheckpointStore,
): Promise<void> {
  const binding = eventHubTriggerSchema.parse(context.binding);
  const hub = binding.eventHubName;
  const partitions = await findPartitions(context, readers, hub);
  const sources = partitions.map((partition) => ({
    namespace: readers.namespace,
    hub,
    consumerGroup: binding.consumerGroup ?? "$Default",
    partition,
  }));
  await Promise.all(sources.map((source) => runPartition(context, { source, readers, checkpoints })));
}

async function findPartitions(
  context: TriggerContext,
  readers: PartitionReaders,
  hub: string,
): Promise<readonly string[]> {
  let pause = findPause.first;
  while (!context.signal.aborted) {
    try {
      return await readers.partitions(hub);
    } catch (thrown) {
      context.log("warning", `${firstLine(thrown)}; trying again in ${pause} ms`);
      await waitOrAbort(pause, context.signal);
      pause = Math.min(findPause.longest, pause * 2);
    }
  }
  return [];
}

async function runPartition(
  context: TriggerContext,
  partition: { source: PartitionSource; readers: PartitionReaders; checkpoints: CheckpointStore },
): Promise<void> {
  const { source, readers, checkpoints } = partition;
  const binding = eventHubTriggerSchema.parse(context.binding);
  const cardinality = binding.cardinality ?? "one";
  const options = {
    source,
    cardinality,
    dataType: binding.dataType,
    keepEmpty: keepsEmptyEntries(context.capabilities),
  };
  const invoke = async (events: readonly ReceivedEvent[], retry: RetryContext | undefined): Promise<void> => {
    const { data, metadata } = toTriggerData(events, options);
    await context.invoke(data, metadata, retry);
  };
  const where = `partition ${source.partition} of ${source.hub}`;
  try {
    await using reader = await readers.open(source, context.signal, (message) => context.log("warning", message));
    await pumpPartition({
      source,
      reader,
      checkpoints,
      options: context.hostJson.eventHubs,
      cardinality,
      policy: context.policy,
      signal: context.signal,
      wait: waitOrAbort,
      invoke,
      onFailure(thrown, events, retriesLeft) {
        const range = `${events[0]?.sequenceNumber ?? "?"}–${events.at(-1)?.sequenceNumber ?? "?"}`;
        const next = retriesLeft > 0 ? `${retriesLeft} retries left` : "going on after them";
        context.log("error", `${where}, events ${range}: ${firstLine(thrown)}; ${next}`);
      },
      onCheckpointFailure: (thrown) => context.log("error", `${where}: no checkpoint: ${firstLine(thrown)}`),
    });
  } catch (thrown) {
    context.log("error", firstLine(thrown));
  }
}

/** Readers that speak AMQP to a namespace and go on after the partition's checkpoint. */
export function createAmqpReaders(
  namespace: AmqpNamespace,
  checkpoints: CheckpointStore,
  options: TriggerContext["hostJson"]["eventHubs"],
): PartitionReaders {
  return {
    namespace: namespace.address.host,
    partitions: (hub) => namespace.partitions(hub),
    async open(source, signal, log) {
      const after = await checkpoints.read(source);
      return openAmqpReader({
        namespace,
        source,
        after,
        initial: options.initialOffset,
        prefetch: options.prefetchCount,
        signal,
        log,
      });
    },
  };
}
