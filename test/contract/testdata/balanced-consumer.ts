/**
 * A consumer as its own process: the unmodified SDK with its checkpoint store over blobs. It tells its parent what happens, ends in order when it is
 * told to, and dies with its parent.
 */

import { EventHubConsumerClient } from "@azure/event-hubs";
import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { ContainerClient } from "@azure/storage-blob";
import type { ConsumerSays, ConsumerSettings } from "../balanced-consumers.ts";
import { HUB, patience } from "../event-hubs-harness.ts";

const { hub, blobs, container } = JSON.parse(process.argv[2] ?? "") as ConsumerSettings;

function say(message: ConsumerSays): void {
  process.send?.(message);
}

const client = new EventHubConsumerClient(
  "$Default",
  hub,
  HUB,
  new BlobCheckpointStore(new ContainerClient(blobs, container)),
  {
    retryOptions: patience,
    // Blobs tell when they were written to the second only.
    loadBalancingOptions: {
      strategy: "balanced",
      updateIntervalInMs: 300,
      partitionOwnershipExpirationIntervalInMs: 4_000,
    },
  },
);

const subscription = client.subscribe(
  {
    processInitialize: async ({ partitionId }) => say({ opened: partitionId }),
    processClose: async (_reason, { partitionId }) => say({ closed: partitionId }),
    async processEvents(events, context) {
      for (const { body } of events) say({ event: String(body) });
      const last = events.at(-1);
      if (last === undefined) return;
      await context.updateCheckpoint(last);
      say({ checkpoint: String(last.body) });
    },
    // What a takeover does to the loser is no fault.
    processError: async () => undefined,
  },
  { startPosition: { offset: "-1" }, maxWaitTimeInSeconds: 1 },
);

async function end(): Promise<void> {
  await subscription.close();
  await client.close();
  say({ ended: true });
}

process.once("message", () => void end());
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
