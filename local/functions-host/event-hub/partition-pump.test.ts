import assert from "node:assert/strict";
import { test } from "node:test";
import { toRetryPolicy } from "../retry-policy.ts";
import { createMemoryPartition, type MemoryPartition, memorySource } from "../testdata/memory-reader.ts";
import { createMemoryCheckpoints } from "./checkpoints.ts";
import { type PartitionPump, pumpPartition } from "./partition-pump.ts";
import { type CheckpointStore, OwnershipLostError, type Position, type ReceivedEvent } from "./received-event.ts";

const options = { maxEventBatchSize: 100, minEventBatchSize: 1, maxWaitTime: 60_000, batchCheckpointFrequency: 1 };

/** Checkpoints that also tell in which order they were written. */
function recordingCheckpoints(): CheckpointStore & { readonly written: number[] } {
  const store = createMemoryCheckpoints();
  const written: number[] = [];
  return {
    written,
    read: (source) => store.read(source),
    async write(source, position) {
      written.push(position.sequenceNumber);
      await store.write(source, position);
    },
  };
}

function createPump(
  partition: MemoryPartition,
  changes: Partial<PartitionPump> & Pick<PartitionPump, "invoke">,
  after?: Position,
): PartitionPump {
  return {
    source: memorySource,
    reader: partition.open(after),
    checkpoints: createMemoryCheckpoints(),
    options,
    cardinality: "many",
    policy: toRetryPolicy(undefined),
    signal: new AbortController().signal,
    wait: async () => undefined,
    onFailure: () => undefined,
    onCheckpointFailure: () => undefined,
    ...changes,
  };
}

const numbers = (events: readonly ReceivedEvent[]): number[] => events.map((event) => event.sequenceNumber);

test("pumpPartition() hands over what waits, up to the maximum, one batch after the other", async () => {
  const partition = createMemoryPartition();
  partition.append("a", "b", "c", "d", "e", "f", "g");
  const stop = new AbortController();
  const batches: number[][] = [];
  let running = 0;
  await pumpPartition(
    createPump(partition, {
      options: { ...options, maxEventBatchSize: 3 },
      signal: stop.signal,
      async invoke(events) {
        running += 1;
        assert.equal(running, 1, "two batches of one partition ran at once");
        batches.push(numbers(events));
        await new Promise(setImmediate);
        running -= 1;
        if (batches.length === 3) stop.abort();
      },
    }),
  );
  assert.deepEqual(batches, [[0, 1, 2], [3, 4, 5], [6]]);
});

test("pumpPartition() collects what came in while a batch ran into the next one", async () => {
  const partition = createMemoryPartition();
  partition.append("a");
  const stop = new AbortController();
  const batches: number[][] = [];
  await pumpPartition(
    createPump(partition, {
      signal: stop.signal,
      async invoke(events) {
        batches.push(numbers(events));
        if (batches.length === 1) partition.append("b", "c");
        else stop.abort();
      },
    }),
  );
  assert.deepEqual(batches, [[0], [1, 2]]);
});

test("pumpPartition() writes the checkpoint of a batch that failed for good, and goes on after it", async () => {
  const partition = createMemoryPartition();
  partition.append("poison");
  const stop = new AbortController();
  const checkpoints = recordingCheckpoints();
  const attempts: (number | undefined)[] = [];
  await pumpPartition(
    createPump(partition, {
      checkpoints,
      policy: toRetryPolicy({ retryStrategy: "fixedDelay", maxRetryCount: 2, delayInterval: { seconds: 0 } }),
      signal: stop.signal,
      async invoke(events, retry) {
        if (numbers(events)[0] === 0) {
          attempts.push(retry?.retryCount);
          if (attempts.length === 3) partition.append("after");
          throw new Error("poison");
        }
        assert.deepEqual(checkpoints.written, [0]);
        stop.abort();
      },
    }),
  );
  assert.deepEqual(attempts, [undefined, 1, 2]);
});

test("pumpPartition() goes around the whole batch with a retry", async () => {
  const partition = createMemoryPartition();
  partition.append("a", "b");
  const stop = new AbortController();
  const batches: number[][] = [];
  await pumpPartition(
    createPump(partition, {
      policy: toRetryPolicy({ retryStrategy: "fixedDelay", maxRetryCount: -1, delayInterval: { seconds: 0 } }),
      signal: stop.signal,
      async invoke(events, retry) {
        batches.push(numbers(events));
        if ((retry?.retryCount ?? 0) < 3) throw new Error("not yet");
        assert.equal(retry?.maxRetryCount, -1);
        assert.equal(retry?.exception?.message, "not yet");
        stop.abort();
      },
    }),
  );
  assert.deepEqual(batches, [
    [0, 1],
    [0, 1],
    [0, 1],
    [0, 1],
  ]);
});

test("pumpPartition() writes no checkpoint for the batch that ran when the host stopped", async () => {
  const partition = createMemoryPartition();
  partition.append("a");
  const stop = new AbortController();
  const checkpoints = recordingCheckpoints();
  let ended = false;
  await pumpPartition(
    createPump(partition, {
      checkpoints,
      signal: stop.signal,
      async invoke() {
        stop.abort();
        await new Promise(setImmediate);
        ended = true;
      },
    }),
  );
  assert.ok(ended, "the running invocation was let finish");
  assert.deepEqual(checkpoints.written, []);
});

test("pumpPartition() stops without a checkpoint when another host takes the partition", async () => {
  const partition = createMemoryPartition();
  partition.append("a", "b");
  const checkpoints = recordingCheckpoints();
  const pump = createPump(partition, {
    checkpoints,
    async invoke() {
      partition.steal();
    },
  });
  await assert.rejects(pumpPartition(pump), OwnershipLostError);
  assert.deepEqual(checkpoints.written, []);
});

test("pumpPartition() with cardinality one retries each event alone and writes one checkpoint for all", async () => {
  const partition = createMemoryPartition();
  partition.append("a", "b");
  const stop = new AbortController();
  const checkpoints = recordingCheckpoints();
  const calls: string[] = [];
  await pumpPartition(
    createPump(partition, {
      checkpoints,
      cardinality: "one",
      policy: toRetryPolicy({ retryStrategy: "fixedDelay", maxRetryCount: 1, delayInterval: { seconds: 0 } }),
      signal: stop.signal,
      async invoke(events, retry) {
        calls.push(`${numbers(events).join()}/${retry?.retryCount ?? 0}`);
        if (calls.length === 3) partition.append("c");
        if (numbers(events)[0] === 0) throw new Error("a fails");
        if (numbers(events)[0] === 2) stop.abort();
      },
    }),
  );
  assert.deepEqual(calls, ["0/0", "0/1", "1/0", "2/0"]);
  assert.deepEqual(checkpoints.written, [1]);
});

test("pumpPartition() writes a checkpoint only every so many batches", async () => {
  const partition = createMemoryPartition();
  partition.append("a");
  const stop = new AbortController();
  const checkpoints = recordingCheckpoints();
  await pumpPartition(
    createPump(partition, {
      checkpoints,
      options: { ...options, batchCheckpointFrequency: 2 },
      signal: stop.signal,
      async invoke(events) {
        const number = numbers(events)[0] ?? 0;
        if (number === 4) stop.abort();
        else partition.append("next");
      },
    }),
  );
  assert.deepEqual(checkpoints.written, [1, 3]);
});

test("pumpPartition() waits for the minimum batch, and no longer than the maximum wait", async () => {
  const partition = createMemoryPartition();
  partition.append("a");
  const stop = new AbortController();
  const waits: { milliseconds: number; end: () => void }[] = [];
  const batches: number[][] = [];
  await pumpPartition(
    createPump(partition, {
      options: { ...options, minEventBatchSize: 3, maxWaitTime: 500 },
      signal: stop.signal,
      async wait(milliseconds, signal) {
        const { promise, resolve } = Promise.withResolvers<void>();
        signal.addEventListener("abort", () => resolve(), { once: true });
        waits.push({ milliseconds, end: resolve });
        // The first batch gets its minimum in time, the second does not.
        if (waits.length === 1) partition.append("b", "c", "d");
        else resolve();
        await promise;
      },
      async invoke(events) {
        batches.push(numbers(events));
        if (batches.length === 1) partition.append("e");
        else stop.abort();
      },
    }),
  );
  assert.deepEqual(batches, [[0, 1, 2, 3], [4]]);
  assert.deepEqual(
    waits.map((wait) => wait.milliseconds),
    [500, 500],
  );
});

test("pumpPartition() goes on when a checkpoint cannot be written", async () => {
  const partition = createMemoryPartition();
  partition.append("a");
  const stop = new AbortController();
  const failures: unknown[] = [];
  await pumpPartition(
    createPump(partition, {
      checkpoints: {
        read: async () => undefined,
        write: async () => {
          partition.append("b");
          throw new Error("disk full");
        },
      },
      signal: stop.signal,
      onCheckpointFailure: (thrown) => failures.push(thrown),
      async invoke(events) {
        if (numbers(events)[0] === 1) stop.abort();
      },
    }),
  );
  assert.equal(failures.length, 1);
});
