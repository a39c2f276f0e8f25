import { EventHubConsumerClient, EventHubProducerClient, latestEventPosition } from "@azure/event-hubs";
import type { TokenCredential } from "@azure/identity";
import type { HubSender, OpenHubTail } from "../../ports/event-hub.ts";
import { MeshError } from "../../shell/mesh-error.ts";

export interface HubOptions {
  readonly connection:
    | { readonly connectionString: string }
    | { readonly namespace: string; readonly credential: TokenCredential };
  readonly hub: string;
}

export function createEventHubSender({ connection, hub }: HubOptions): HubSender {
  const client =
    "connectionString" in connection
      ? new EventHubProducerClient(connection.connectionString, hub)
      : new EventHubProducerClient(connection.namespace, hub, connection.credential);
  return {
    async send(key, messages) {
      try {
        await client.sendBatch(
          messages.map((body) => ({ body })),
          { partitionKey: key },
        );
      } catch (error) {
        throw faultOf(error);
      }
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** A non-epoch reader of every partition from now on (azure.md §6.7 B): each replica sees every pointer; what is missed is found by reading the head. */
export function createEventHubTail(options: HubOptions & { readonly consumerGroup: string }): OpenHubTail {
  return (handlers) => {
    const { connection, hub, consumerGroup } = options;
    const client =
      "connectionString" in connection
        ? new EventHubConsumerClient(consumerGroup, connection.connectionString, hub)
        : new EventHubConsumerClient(consumerGroup, connection.namespace, hub, connection.credential);
    const subscription = client.subscribe(
      {
        processEvents: async (events) => {
          for (const event of events) handlers.message(event.body);
        },
        processError: async (error) => handlers.fault(error),
      },
      { startPosition: latestEventPosition, maxBatchSize: 100 },
    );
    return {
      async [Symbol.asyncDispose]() {
        await subscription.close();
        await client.close();
      },
    };
  };
}

function faultOf(error: unknown): MeshError {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const text = `Event Hubs: ${message ?? String(error)}`;
  if (code === "ServerBusyError") return new MeshError("throttled", text, { cause: error });
  if (code === "MessageTooLargeError") return new MeshError("too-large", text, { cause: error });
  return new MeshError("unavailable", text, { cause: error });
}
