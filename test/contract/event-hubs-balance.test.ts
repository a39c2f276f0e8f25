import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Checkpoint,
  type CheckpointStore,
  EventHubConsumerClient,
  type PartitionOwnership,
  type Subscription,
} from "@azure/event-hubs";
import { startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { createClients, HUB, hubs, options, retryOptions } from "./event-hubs-harness.ts";

/** Two consumers with a checkpoint store share a hub of the stand-in: the SDK's own load balancing, epochs included. */

/** As the store over blobs: an ownership is claimed with the ETag that was read, and one of two rivals loses. */
function createMemoryCheckpointStore(): CheckpointStore {
  const ownerships = new Map<string, PartitionOwnership>();
  const checkpoints = new Map<string, Checkpoint>();
  let writes = 0;
  return {
    listOwnership: async () => [...ownerships.values()],
    async claimOwnership(claims) {
      const won: PartitionOwnership[] = [];
      for (const claim of claims) {
        if (ownerships.get(claim.partitionId)?.etag !== claim.etag) continue;
        writes += 1;
        const owned = { ...claim, etag: String(writes), lastModifiedTimeInMs: Date.now() };
        ownerships.set(claim.partitionId, owned);
        won.push(owned);
      }
      return won;
    },
    async updateCheckpoint(checkpoint) {
      checkpoints.set(checkpoint.partitionId, checkpoint);
    },
    listCheckpoints: async () => [...checkpoints.values()],
  };
}

test(
  "two consumers balance four partitions, and the survivor takes all and goes on from the checkpoints",
  options,
  async () => {
    await using server = await startEventHubs({ hubs });
    await using clients = createClients();
    const producer = clients.producer(server);
    const store = createMemoryCheckpointStore();
    const seen = new Map<string, number>();
    const handlers: Record<string, Set<string>> = { one: new Set(), two: new Set() };
    let wake = (): void => {};

    function join(name: string): { readonly client: EventHubConsumerClient; readonly subscription: Subscription } {
      const client = new EventHubConsumerClient("$Default", server.connectionString, HUB, store, {
        retryOptions,
        loadBalancingOptions: {
          strategy: "balanced",
          updateIntervalInMs: 300,
          partitionOwnershipExpirationIntervalInMs: 3_000,
        },
      });
      const mine = handlers[name];
      const subscription = client.subscribe(
        {
          async processInitialize({ partitionId }) {
            mine?.add(partitionId);
            wake();
          },
          async processClose(_reason, { partitionId }) {
            mine?.delete(partitionId);
            wake();
          },
          async processEvents(events, context) {
            for (const { body } of events) seen.set(String(body), (seen.get(String(body)) ?? 0) + 1);
            const last = events.at(-1);
            if (last !== undefined) await context.updateCheckpoint(last);
            wake();
          },
          // What a takeover does to the loser is no fault of the test.
          processError: async () => undefined,
        },
        { startPosition: { offset: "-1" }, maxWaitTimeInSeconds: 1 },
      );
      return { client, subscription };
    }

    async function until(condition: () => boolean): Promise<void> {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }

    let sent = 0;
    async function sendRound(): Promise<void> {
      for (const partitionId of ["0", "1", "2", "3"]) {
        await producer.sendBatch([{ body: `event-${sent}` }], { partitionId });
        sent += 1;
      }
    }

    const one = join("one");
    await sendRound();
    await until(() => handlers["one"]?.size === 4 && seen.size === sent);
    const two = join("two");
    await until(() => handlers["one"]?.size === 2 && handlers["two"]?.size === 2);
    await sendRound();
    await until(() => seen.size === sent);
    await two.subscription.close();
    await two.client.close();
    await sendRound();
    await until(() => handlers["one"]?.size === 4 && seen.size === sent);
    await one.subscription.close();
    await one.client.close();
    assert.equal(seen.size, 12);
    assert.ok(
      [...seen.values()].filter((times) => times > 1).length <= 4,
      "at most what one hand-over leaves open comes twice",
    );
  },
);
