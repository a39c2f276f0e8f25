import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import rhea from "rhea";
import type { Broker } from "./amqp/broker.ts";
import { type AmqpConnection, acceptConnection } from "./amqp/connection.ts";
import { type Hub, type HubDefinition, openHub } from "./hub.ts";
import { connectionStringOf } from "./shared-access-key.ts";

/** A running stand-in for Event Hubs. Disposing it closes every connection and file. */
export interface EventHubs extends AsyncDisposable {
  readonly port: number;
  /** For `EventHubProducerClient` and `EventHubConsumerClient`, with a hub's name beside it. */
  readonly connectionString: string;
}

export interface EventHubsOptions {
  /** 0 or undefined: any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Where events are kept over restarts; in memory only when undefined. */
  readonly dir?: string;
  readonly hubs: readonly HubDefinition[];
  /** Faults of the stand-in itself; a process warning when undefined. */
  readonly report?: (fault: Error) => void;
}

/**
 * Starts an AMQP 1.0 server that the unmodified `@azure/event-hubs` takes for the official emulator, within what Weft uses
 * (spec azure.md §3). Rejects when the port is taken or the directory does not fit the hubs.
 */
export async function startEventHubs(options: EventHubsOptions): Promise<EventHubs> {
  const { port = 0, host = "127.0.0.1", dir, report = warn } = options;
  const hubs = new Map<string, Hub>();
  const broker: Broker = { hubs, now: Date.now, report };
  const connections = new Set<AmqpConnection>();
  const container = rhea.create_container({ id: "event-hubs" });
  container.on("error", report);
  container.on("protocol_error", report);

  const server = createServer({ noDelay: true }, (socket) => {
    const connection = acceptConnection({ container, socket, broker });
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
  });
  const closeHubs = (): void => {
    for (const hub of hubs.values()) hub.close();
  };
  try {
    for (const definition of options.hubs) {
      hubs.set(definition.name.toLowerCase(), await openHub({ definition, dir, now: Date.now }));
    }
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    closeHubs();
    throw cause;
  }
  const bound = server.address() as AddressInfo;
  return {
    port: bound.port,
    connectionString: connectionStringOf(`${host}:${bound.port}`),
    async [Symbol.asyncDispose]() {
      server.close();
      await Promise.all([...connections].map((connection) => connection.close()));
      closeHubs();
    },
  };
}

function warn(fault: Error): void {
  process.emitWarning(fault);
}
