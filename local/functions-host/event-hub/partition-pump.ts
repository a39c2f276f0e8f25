import type { RetryContext } from "../app/core-api.ts";
import type { EventHubsOptions } from "../host-json.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import { type Attempts, runWithRetries } from "../run-with-retries.ts";
import {
  type CheckpointStore,
  OwnershipLostError,
  type PartitionReader,
  type PartitionSource,
  type ReceivedEvent,
} from "./received-event.ts";

export interface PartitionPump {
  readonly source: PartitionSource;
  readonly reader: PartitionReader;
  readonly checkpoints: CheckpointStore;
  readonly options: Pick<
    EventHubsOptions,
    "maxEventBatchSize" | "minEventBatchSize" | "maxWaitTime" | "batchCheckpointFrequency"
  >;
  readonly cardinality: "one" | "many";
  readonly policy: RetryPolicy;
  /** Fires when the host stops. An invocation that runs then is let finish; its batch gets no checkpoint. */
  readonly signal: AbortSignal;
  readonly wait: Attempts["wait"];
  invoke(events: readonly ReceivedEvent[], retry: RetryContext | undefined): Promise<void>;
  onFailure(thrown: unknown, events: readonly ReceivedEvent[], retriesLeft: number): void;
  onCheckpointFailure(thrown: unknown): void;
}

/**
 * Takes one partition through one function by the platform's rules (spec/azure.md §1.6, §6.1): strictly one batch after the
 * other, a batch is what waits up to the maximum, the retry policy goes around the whole batch, and afterwards the position is
 * written *whether the batch succeeded or not*. Only a stop keeps it from being written. There is no dead-letter queue.
 *
 * @throws {OwnershipLostError} when another reader took the partition over.
 */
export async function pumpPartition(pump: PartitionPump): Promise<void> {
  const stop = AbortSignal.any([pump.signal, pump.reader.lost]);
  let batchesSinceCheckpoint = 0;
  for (;;) {
    const batch = await collectBatch(pump, stop);
    const last = batch.at(-1);
    if (last !== undefined) await dispatch(pump, batch, stop);
    if (pump.signal.aborted) return;
    if (pump.reader.lost.aborted) throw new OwnershipLostError(pump.source);
    if (last === undefined) continue;
    batchesSinceCheckpoint += 1;
    if (batchesSinceCheckpoint < pump.options.batchCheckpointFrequency) continue;
    try {
      await pump.checkpoints.write(pump.source, { offset: last.offset, sequenceNumber: last.sequenceNumber });
      batchesSinceCheckpoint = 0;
    } catch (thrown) {
      pump.onCheckpointFailure(thrown);
    }
  }
}

/** What waits now; with a minimum above one, what comes within the maximum wait until the minimum is there. */
async function collectBatch(pump: PartitionPump, stop: AbortSignal): Promise<readonly ReceivedEvent[]> {
  const { maxEventBatchSize, minEventBatchSize, maxWaitTime } = pump.options;
  const first = await pump.reader.receive(maxEventBatchSize, stop);
  if (pump.cardinality === "one" || first.length === 0 || first.length >= minEventBatchSize) return first;
  const held = [...first];
  const enough = new AbortController();
  const deadline = AbortSignal.any([stop, enough.signal]);
  const tooLong = new AbortController();
  const waited = pump.wait(maxWaitTime, deadline).then(() => tooLong.abort());
  const untilThen = AbortSignal.any([stop, tooLong.signal]);
  while (held.length < minEventBatchSize && !untilThen.aborted) {
    held.push(...(await pump.reader.receive(maxEventBatchSize - held.length, untilThen)));
  }
  enough.abort();
  await waited;
  return stop.aborted ? [] : held;
}

/** A batch as one invocation, or one invocation for each event, one after the other, each with its own retries. */
async function dispatch(pump: PartitionPump, batch: readonly ReceivedEvent[], stop: AbortSignal): Promise<void> {
  const groups = pump.cardinality === "many" ? [batch] : batch.map((event) => [event]);
  for (const events of groups) {
    if (stop.aborted) return;
    await runWithRetries({
      policy: pump.policy,
      signal: stop,
      wait: pump.wait,
      attempt: (retry) => pump.invoke(events, retry),
      onFailure: (thrown, retriesLeft) => pump.onFailure(thrown, events, retriesLeft),
    });
  }
}
