import assert from "node:assert/strict";
import { test } from "node:test";
import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { ContainerClient } from "@azure/storage-blob";
import { startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { startAzurite } from "./azurite-process.ts";
import { createBalancedConsumers } from "./balanced-consumers.ts";
import { createClients, HUB, hubs } from "./event-hubs-harness.ts";

/** Consumers with checkpoints in blobs share a hub of the stand-in: the SDK's own load balancing, epochs included. */

const container = "checkpoints";
const partitions = ["0", "1", "2", "3"];

/** Each wait within it has a limit of its own, and they are many. */
const options = { timeout: 300_000 };

async function startBalanced() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startEventHubs({ hubs }));
  const azurite = stack.use(await startAzurite());
  const blobs = new ContainerClient(azurite.connectionString, container);
  await blobs.create();
  const clients = stack.use(createClients());
  const producer = clients.producer(server);
  const consumers = stack.use(
    createBalancedConsumers({ hub: server.connectionString, blobs: azurite.connectionString, container }),
  );
  const sent: string[] = [];
  const life = stack.move();
  return {
    consumers,
    store: new BlobCheckpointStore(blobs),
    namespace: new URL(server.connectionString.replace(/^Endpoint=sb/, "http").replace(/;.*/, "")).hostname,
    /** One event to each partition, which are seen and whose checkpoints stand when it returns. */
    round: async () => {
      for (const partitionId of partitions) {
        const body = `event-${sent.length}`;
        sent.push(body);
        await producer.sendBatch([{ body }], { partitionId });
      }
      const round = sent.slice(-partitions.length);
      await consumers.until(`${round.join(" ")} are seen and checkpointed`, () =>
        round.every((body) => consumers.seen.has(body) && consumers.checkpoints.has(body)),
      );
    },
    sent,
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  };
}

for (const [how, leave] of [
  ["ends", "end"],
  ["is killed", "kill"],
] as const) {
  test(
    `two consumers share four partitions through blobs; one ${how}, the other takes all and goes on from the checkpoints`,
    options,
    async () => {
      await using balanced = await startBalanced();
      const { consumers, round, sent, store, namespace } = balanced;
      const one = consumers.join();
      await round();
      const two = consumers.join();
      await consumers.until("each has two", () => one.reading.size === 2 && two.reading.size === 2);
      await round();
      await one[leave]();
      await consumers.until("the other has all", () => two.reading.size === 4);
      await round();
      await two.end();
      assert.deepEqual([...consumers.seen.keys()].sort(), [...sent].sort());
      const checkpoints = await store.listCheckpoints(namespace, HUB, "$Default");
      assert.deepEqual(
        new Map(checkpoints.map(({ partitionId, sequenceNumber }) => [partitionId, sequenceNumber])),
        new Map(partitions.map((partition) => [partition, 2])),
      );
      const before = new Map(consumers.seen);
      const three = consumers.join();
      await consumers.until("a third has all", () => three.reading.size === 4);
      await round();
      for (const [body, times] of before) assert.equal(consumers.seen.get(body), times, `${body} comes again`);
    },
  );
}
