import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import rhea from "rhea";
import type { Clock } from "../../shared/ports/clock.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import type { FaultInjector } from "../faults/fault-injector.ts";
import type { Broker } from "./amqp/broker.ts";
import { type AmqpConnection, acceptConnection } from "./amqp/connection.ts";
import type { HubFault } from "./faults.ts";
import type { HubDefinition } from "./hub.ts";
import type { Retention } from "./log/partition-log.ts";
import { type HubNamespace, openNamespace } from "./namespace.ts";
import { type AccessKey, connectionStringOf, rootKey } from "./shared-access-key.ts";

/** A running stand-in for Event Hubs. Disposing it closes every connection and file. */
export interface EventHubs extends AsyncDisposable {
  readonly port: number;
  /** For `EventHubProducerClient` and `EventHubConsumerClient`, with a hub's name beside it. */
  readonly connectionString: string;
  connectionStringFor(key: AccessKey): string;
  /** What it serves: for faults out of turn. */
  readonly namespace: HubNamespace;
}

export interface EventHubsOptions {
  /** 0 or undefined: any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Where events are kept over restarts; in memory only when undefined. */
  readonly dir?: string;
  readonly hubs: readonly HubDefinition[];
  /** Who may do what; the official emulator's one key when undefined, the first is that of `connectionString`. */
  readonly keys?: readonly AccessKey[];
  /** What befalls clients on purpose. */
  readonly faults?: FaultInjector<HubFault>;
  readonly retention?: Retention;
  /** The largest transfer, in bytes; 1 MB as on the Standard tier when undefined. */
  readonly maxMessageBytes?: number;
  readonly clock?: Clock;
  /** Faults of the stand-in itself; a process warning when undefined. */
  readonly report?: (fault: Error) => void;
}

/** `createBatch` of the SDK fills up to what the attach says (spec azure.md §3.1). */
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_576;

/**
 * Starts an AMQP 1.0 server that the unmodified `@azure/event-hubs` takes for the official emulator, within what Weft uses
 * (spec azure.md §3). Rejects when the port is taken or the directory does not fit the hubs.
 */
export async function startEventHubs(options: EventHubsOptions): Promise<EventHubs> {
  const { port = 0, host = "127.0.0.1", keys = [rootKey], clock = systemClock, report = warn, ...rest } = options;
  const namespace = await openNamespace({ ...rest, clock });
  const maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  const broker: Broker = { namespace, keys, clock, maxMessageBytes, report };
  const connections = new Set<AmqpConnection>();
  const container = rhea.create_container({ id: "event-hubs" });
  container.on("error", report);
  container.on("protocol_error", report);

  const server = createServer({ noDelay: true }, (socket) => {
    const connection = acceptConnection({ container, socket, broker });
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
  });
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    namespace.close();
    throw cause;
  }
  const address = `${host}:${(server.address() as AddressInfo).port}`;
  return {
    port: (server.address() as AddressInfo).port,
    connectionString: connectionStringOf(address, keys[0] ?? rootKey),
    connectionStringFor: (key) => connectionStringOf(address, key),
    namespace,
    async [Symbol.asyncDispose]() {
      server.close();
      await Promise.all([...connections].map((connection) => connection.close()));
      namespace.close();
    },
  };
}

function warn(fault: Error): void {
  process.emitWarning(fault);
}
