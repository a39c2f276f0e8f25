import type { Connection, EventContext, Message, Receiver } from "rhea";
import rhea from "rhea";
import type { HubTailHandlers, OpenHubTail } from "../../ports/event-hub.ts";
import { MeshError } from "../../shell/mesh-error.ts";
import { pause } from "../../shell/pause.ts";
import { backoff } from "../../shell/retry.ts";
import { withTimeLimit } from "../../shell/time-limit.ts";
import { type AmqpNamespace, connectionEnds, createAmqpNamespace, describe } from "./amqp-namespace.ts";
import type { HubOptions } from "./event-hubs.ts";
import { addressByIdentity, addressOfConnectionString, type NamespaceAddress } from "./namespace-address.ts";

/** Messages that the service may send ahead, for each partition. */
const prefetch = 100;
/** Between two attempts to read. Milliseconds. */
const reopenPause = { baseDelay: 250, maxDelay: 5_000 };
/** For an orderly end, in milliseconds; what is not closed by then ends with the process. */
const closeLimit = 3_000;

/**
 * A non-epoch reader of every partition from now on (azure.md §6.7 B): each replica that reads sees every pointer. It speaks AMQP itself: the SDK's consumer
 * waits 20 ms after a message before it hands it over (azure.md §3.2). What comes while a connection is broken is read when there is another; what is lost all
 * the same is found by reading the head.
 */
export function createEventHubTail(options: HubOptions & { readonly consumerGroup: string }): OpenHubTail {
  const address = addressOf(options);
  return (handlers) => {
    const { hub, consumerGroup } = options;
    const stop = new AbortController();
    const tail: Tail = { hub, consumerGroup, handlers, positions: new Map(), stop: stop.signal };
    const running = keepReading(address, tail);
    return {
      async [Symbol.asyncDispose]() {
        stop.abort();
        await running;
      },
    };
  };
}

interface Tail {
  readonly hub: string;
  readonly consumerGroup: string;
  readonly handlers: HubTailHandlers;
  /** Offset of the last message by partition: another connection goes on after it. */
  readonly positions: Map<string, string>;
  readonly stop: AbortSignal;
}

async function keepReading(address: NamespaceAddress, tail: Tail): Promise<void> {
  for (let failures = 0; !tail.stop.aborted; ) {
    const namespace = createAmqpNamespace(address);
    try {
      const reading = await openPartitions(namespace, tail);
      failures = 0;
      const why = await reading.broken;
      if (!tail.stop.aborted) throw new Error(why);
    } catch (error) {
      failures++;
      if (!tail.stop.aborted) tail.handlers.fault(faultOf(tail.hub, error));
    }
    await inTime(namespace);
    await pause(failures <= 1 ? 0 : backoff(failures, reopenPause), tail.stop);
  }
}

/** Opens a link for each partition; `broken` resolves to the reason when one of them, or the connection, has ended. */
async function openPartitions(namespace: AmqpNamespace, tail: Tail): Promise<{ readonly broken: Promise<string> }> {
  const { hub, consumerGroup, stop } = tail;
  const { promise: broken, resolve: end } = Promise.withResolvers<string>();
  stop.addEventListener("abort", () => end("closed"), { once: true });
  const partitions = await namespace.partitions(hub);
  const connection = await namespace.connection();
  for (const name of connectionEnds) connection.once(name, () => end("the connection has ended"));
  const open = async (partition: string): Promise<void> => {
    const entity = `${hub}/ConsumerGroups/${consumerGroup}/Partitions/${partition}`;
    await namespace.authorize(entity);
    if (!stop.aborted) openLink(connection, entity, { tail, partition, end });
  };
  await Promise.all(partitions.map(open));
  return { broken };
}

function openLink(
  connection: Connection,
  entity: string,
  { tail, partition, end }: { readonly tail: Tail; readonly partition: string; readonly end: (why: string) => void },
): void {
  const { positions, handlers, stop } = tail;
  const session = connection.create_session();
  session.on("message", ({ message }: EventContext) => {
    if (message === undefined || stop.aborted) return;
    positions.set(partition, String(message.message_annotations?.["x-opt-offset"]));
    handlers.message(bodyOf(message));
  });
  session.on("session_error", ({ session: ended }: EventContext) => end(describe(ended?.error)));
  session.on("session_close", () => end("the session was closed"));
  session.on("receiver_error", ({ receiver }: EventContext) => {
    if (isRefusedPosition(receiver?.error)) positions.delete(partition);
    end(describe(receiver?.error));
  });
  session.on("receiver_close", () => end("the link was closed"));
  session.begin();
  const after = `amqp.annotation.x-opt-offset > '${positions.get(partition) ?? "@latest"}'`;
  session.open_receiver({
    source: {
      address: entity,
      filter: { "apache.org:selector-filter:string": rhea.types.wrap_described(after, 0x468c00000004) },
    },
    credit_window: prefetch,
    autoaccept: true,
  });
}

/** The hub was made anew, or lost its newest events: it has no such position. */
function isRefusedPosition(error: Receiver["error"]): boolean {
  return error !== undefined && "condition" in error && error.condition === "com.microsoft:argument-error";
}

/** Events carry bytes in data sections; ours are JSON. */
function bodyOf({ body }: Message): unknown {
  const content: unknown = typeof body === "object" && body !== null && "content" in body ? body.content : body;
  const bytes = Array.isArray(content) ? Buffer.concat(content.filter((part) => Buffer.isBuffer(part))) : content;
  if (!Buffer.isBuffer(bytes)) return bytes;
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return bytes; // not ours: whoever listens looks at what comes
  }
}

async function inTime(namespace: AmqpNamespace): Promise<void> {
  try {
    await withTimeLimit("closing", closeLimit, Promise.resolve(namespace[Symbol.asyncDispose]()));
  } catch (error) {
    if (MeshError.from(error).code !== "unavailable") throw error;
  }
}

function addressOf({ connection }: HubOptions): NamespaceAddress {
  if (!("connectionString" in connection)) return addressByIdentity(connection.namespace, connection.credential);
  const address = addressOfConnectionString(connection.connectionString);
  if (address === undefined) throw new MeshError("config-invalid", "the connection string of Event Hubs lacks a part");
  return address;
}

function faultOf(hub: string, error: unknown): MeshError {
  return new MeshError("unavailable", `Event Hubs, reading ${hub}: ${MeshError.from(error).message}`, { cause: error });
}
