import type { CosmosClient } from "@azure/cosmos";
import type { EventHubProducerClient } from "@azure/event-hubs";
import { z } from "zod";
import type { Binding, InvocationResponse } from "./app/core-api.ts";
import { fromTypedData } from "./app/typed-data.ts";
import { type AppSettings, expandSettings, findConnection } from "./app-settings.ts";
import { FunctionsHostError } from "./functions-host-error.ts";
import { createCredential } from "./identity.ts";

/** Writes what functions set as outputs: events to hubs, documents to containers. */
export interface Outputs extends AsyncDisposable {
  /** @throws when an output cannot be written, or is of a type that this host does not know. */
  write(functionName: string, bindings: Readonly<Record<string, Binding>>, response: InvocationResponse): Promise<void>;
}

const eventHubSchema = z.looseObject({ connection: z.string(), eventHubName: z.string() });
const cosmosSchema = z.looseObject({ connection: z.string(), databaseName: z.string(), containerName: z.string() });

export function createOutputs(settings: AppSettings): Outputs {
  const producers = new Map<string, Promise<EventHubProducerClient>>();
  const clients = new Map<string, Promise<CosmosClient>>();

  const sendEvents = async (binding: Binding, value: unknown): Promise<void> => {
    const { connection, eventHubName } = eventHubSchema.parse(binding);
    const hub = expandSettings(eventHubName, settings);
    const key = `${connection}/${hub}`;
    const producer = producers.get(key) ?? openProducer(connection, hub, settings);
    producers.set(key, producer);
    await (await producer).sendBatch(toList(value).map((body) => ({ body })));
  };

  const upsertDocuments = async (binding: Binding, value: unknown): Promise<void> => {
    const { connection, databaseName, containerName } = cosmosSchema.parse(binding);
    const client = clients.get(connection) ?? openClient(connection, settings);
    clients.set(connection, client);
    const container = (await client)
      .database(expandSettings(databaseName, settings))
      .container(expandSettings(containerName, settings));
    for (const document of toList(value)) await container.items.upsert(document);
  };

  return {
    async write(functionName, bindings, response) {
      const written = [...(response.outputData ?? []), { name: "$return", data: response.returnValue }];
      for (const { name, data } of written) {
        const binding = bindings[name];
        const value = fromTypedData(data);
        if (binding?.direction !== "out" || value === undefined) continue;
        switch (binding.type?.toLowerCase()) {
          case "http":
            break;
          case "eventhub":
            await sendEvents(binding, value);
            break;
          case "cosmosdb":
            await upsertDocuments(binding, value);
            break;
          default: {
            const message = `${functionName}: an output of type ${binding.type ?? "?"} is not supported by this host.`;
            throw new FunctionsHostError("function-invalid", message);
          }
        }
      }
    },
    async [Symbol.asyncDispose]() {
      for (const producer of producers.values()) await (await producer).close();
      for (const client of clients.values()) (await client).dispose();
    },
  };
}

/** Like {@link openProducer}, the SDK is loaded only when a function has such an output: it costs half a second. */
async function openClient(name: string, settings: AppSettings): Promise<CosmosClient> {
  const { openCosmosClient } = await import("./cosmos/open-cosmos-client.ts");
  return openCosmosClient(findConnection(name, "accountEndpoint", settings));
}

async function openProducer(name: string, hub: string, settings: AppSettings): Promise<EventHubProducerClient> {
  const connection = findConnection(name, "fullyQualifiedNamespace", settings);
  const { EventHubProducerClient: Producer } = await import("@azure/event-hubs");
  if (connection.kind === "connection-string") return new Producer(connection.value, hub);
  return new Producer(connection.endpoint, hub, createCredential());
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
