import type { EventContext, Message, Receiver } from "rhea";
import rhea from "rhea";
import { type AmqpNamespace, connectionEnds, describe } from "../../../shared/adapters/azure/amqp-namespace.ts";
import { firstLine } from "../functions-host-error.ts";
import type { InitialOffset } from "../host-json.ts";
import { waitOrAbort } from "../run-with-retries.ts";
import { type PartitionReader, type PartitionSource, type Position, type ReceivedEvent } from "./received-event.ts";

export interface AmqpReaderOptions {
  readonly namespace: AmqpNamespace;
  readonly source: PartitionSource;
  /** The last event that needs no second look. */
  readonly after: Position | undefined;
  /** Where to begin when there is no such event. */
  readonly initial: InitialOffset;
  /** How many events the broker may send ahead. */
  readonly prefetch: number;
  /** Fires when the host stops: nothing more is read then, whatever the handlers still do. */
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
}

/** Milliseconds before a broken link is opened anew: the first and the longest pause. */
const reopenPause = { first: 100, longest: 5000 };

/** The condition with which the broker ends a link when another reader takes the partition. */
const stolen = "amqp:link:stolen";

/**
 * Reads one partition straight from the broker, without the JavaScript SDK's consumer and its 20 ms floor (spec/azure.md §0.4,
 * §3.2). It reads with epoch 0 as the platform's processor does, so a second host takes the partition over instead of sharing it.
 * A broken connection is mended behind the caller's back, after the last event received.
 */
export function openAmqpReader(options: AmqpReaderOptions): PartitionReader {
  return new AmqpReader(options);
}

class AmqpReader implements PartitionReader {
  readonly lost: AbortSignal;
  readonly #options: AmqpReaderOptions;
  readonly #waiting: ReceivedEvent[] = [];
  readonly #losing = new AbortController();
  readonly #closing = new AbortController();
  readonly #reading: Promise<void>;
  #after: Position | undefined;
  #receiver: Receiver | undefined;
  #wake: () => void = () => undefined;

  constructor(options: AmqpReaderOptions) {
    this.#options = options;
    this.#after = options.after;
    this.lost = this.#losing.signal;
    options.signal.addEventListener("abort", () => this.#closing.abort(), { once: true });
    this.#reading = this.#keepReading();
  }

  async receive(max: number, signal: AbortSignal): Promise<readonly ReceivedEvent[]> {
    while (this.#waiting.length === 0 && !signal.aborted && !this.#ended()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const onAbort = (): void => resolve();
      signal.addEventListener("abort", onAbort, { once: true });
      await promise;
      signal.removeEventListener("abort", onAbort);
    }
    if (signal.aborted || this.#ended()) return [];
    const taken = this.#waiting.splice(0, max);
    this.#receiver?.add_credit(taken.length);
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#reading;
  }

  #ended(): boolean {
    return this.#closing.signal.aborted || this.#losing.signal.aborted;
  }

  async #keepReading(): Promise<void> {
    const { source, log } = this.#options;
    let pause = reopenPause.first;
    while (!this.#ended()) {
      const started = Date.now();
      const reason = await this.#readUntilBroken().catch(firstLine);
      if (this.#ended()) break;
      if (Date.now() - started > reopenPause.longest) pause = reopenPause.first;
      log(`partition ${source.partition} of ${source.hub}: ${reason}; reading again in ${pause} ms`);
      await waitOrAbort(pause, this.#closing.signal);
      pause = Math.min(reopenPause.longest, pause * 2);
    }
    this.#wake();
  }

  /** Opens the link, and resolves to the reason when it has ended. */
  async #readUntilBroken(): Promise<string> {
    const { source, namespace, initial, prefetch } = this.#options;
    const entity = `${source.hub}/ConsumerGroups/${source.consumerGroup}/Partitions/${source.partition}`;
    await namespace.authorize(entity);
    const connection = await namespace.connection();
    if (this.#ended()) return "the reader was closed";
    const session = connection.create_session();
    const { promise, resolve } = Promise.withResolvers<string>();
    session.on("message", (context: EventContext) => this.#take(context.message));
    session.on("session_error", (context: EventContext) => resolve(describe(context.session?.error)));
    session.on("session_close", () => resolve("the session was closed"));
    session.on("receiver_error", (context: EventContext) => {
      if (isStolen(context.receiver?.error)) this.#losing.abort();
      resolve(describe(context.receiver?.error));
    });
    session.on("receiver_close", () => resolve("the link was closed"));
    const onEnd = (): void => resolve("the connection has ended");
    for (const end of connectionEnds) connection.once(end, onEnd);
    this.#closing.signal.addEventListener("abort", () => resolve("the reader was closed"), { once: true });
    session.begin();
    this.#receiver = session.open_receiver({
      source: { address: entity, filter: toFilter(this.#after, initial) },
      credit_window: 0,
      autoaccept: true,
      properties: { "com.microsoft:epoch": rhea.types.wrap_long(0) },
    });
    this.#receiver.add_credit(Math.max(1, prefetch - this.#waiting.length));
    const reason = await promise;
    this.#receiver = undefined;
    for (const end of connectionEnds) connection.removeListener(end, onEnd);
    if (connection.is_open() && session.is_open()) session.close();
    return reason;
  }

  #take(message: Message | undefined): void {
    if (message === undefined) return;
    const event = toReceivedEvent(message);
    this.#after = { offset: event.offset, sequenceNumber: event.sequenceNumber };
    this.#waiting.push(event);
    this.#wake();
  }
}

function isStolen(error: unknown): boolean {
  return typeof error === "object" && error !== null && "condition" in error && error.condition === stolen;
}

function toFilter(after: Position | undefined, initial: InitialOffset): Record<string, unknown> {
  const clause = toClause(after, initial);
  return { "apache.org:selector-filter:string": rhea.types.wrap_described(clause, 0x468c00000004) };
}

function toClause(after: Position | undefined, initial: InitialOffset): string {
  if (after !== undefined) return `amqp.annotation.x-opt-offset > '${after.offset}'`;
  switch (initial.kind) {
    case "from-start":
      return "amqp.annotation.x-opt-offset > '-1'";
    case "from-end":
      return "amqp.annotation.x-opt-offset > '@latest'";
    case "from-time":
      return `amqp.annotation.x-opt-enqueued-time > '${initial.enqueuedAfter}'`;
  }
}

/** Annotations that have a field of their own in {@link ReceivedEvent}. */
const ownAnnotations = new Set(["x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time", "x-opt-partition-key"]);

/** AMQP's names of the standard message properties, by rhea's. */
const messageProperties: Readonly<Record<string, string>> = {
  message_id: "message-id",
  user_id: "user-id",
  to: "to",
  subject: "subject",
  reply_to: "reply-to",
  correlation_id: "correlation-id",
  content_type: "content-type",
  content_encoding: "content-encoding",
  group_id: "group-id",
};

function toReceivedEvent(message: Message): ReceivedEvent {
  const annotations: Record<string, unknown> = { ...message.message_annotations };
  const partitionKey = annotations["x-opt-partition-key"];
  const system: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(annotations)) {
    if (!ownAnnotations.has(name)) system[name] = value;
  }
  const standard: Record<string, unknown> = { ...message };
  for (const [rheaName, name] of Object.entries(messageProperties)) {
    const value = standard[rheaName];
    if (value !== undefined && value !== null) system[name] = Buffer.isBuffer(value) ? value.toString("utf8") : value;
  }
  return {
    body: toBytes(message.body),
    sequenceNumber: Number(annotations["x-opt-sequence-number"]),
    offset: String(annotations["x-opt-offset"]),
    enqueuedTime: Number(annotations["x-opt-enqueued-time"]),
    partitionKey: typeof partitionKey === "string" ? partitionKey : undefined,
    properties: { ...message.application_properties },
    systemProperties: system,
  };
}

/** The type code of an AMQP data section, which is how events carry bytes. */
const dataSection = 0x75;

function toBytes(body: unknown): Uint8Array {
  if (typeof body === "object" && body !== null && "typecode" in body && body.typecode === dataSection) {
    const content = "content" in body ? body.content : undefined;
    if (Array.isArray(content)) return Buffer.concat(content.filter((part) => Buffer.isBuffer(part)));
    if (Buffer.isBuffer(content)) return content;
  }
  if (Buffer.isBuffer(body)) return body;
  return new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body ?? null));
}
