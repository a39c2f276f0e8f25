import type { AmqpError, Connection, EventContext, Message } from "rhea";
import rhea from "rhea";
import type { NamespaceAddress } from "./namespace-address.ts";

/** One AMQP connection to a namespace, opened when first needed and again after it broke. */
export interface AmqpNamespace extends AsyncDisposable {
  readonly address: NamespaceAddress;
  /** The open connection. @throws when the namespace cannot be reached. */
  connection(): Promise<Connection>;
  /** Claims the right to use an entity such as `hub/ConsumerGroups/g/Partitions/0` on the open connection (`$cbs`). */
  authorize(entity: string): Promise<void>;
  /** The partition ids of a hub. @throws when there is no such hub. */
  partitions(hub: string): Promise<readonly string[]>;
}

/** Milliseconds after which an unanswered request or connection attempt counts as failed. */
const answerTimeout = 20_000;

/** Milliseconds of silence after which a connection counts as broken; the broker must send something empty before. */
const silenceLimit = 30_000;

export function createAmqpNamespace(address: NamespaceAddress): AmqpNamespace {
  let open: Promise<Connection> | undefined;
  let disposed = false;

  const connection = async (): Promise<Connection> => {
    if (disposed) throw new Error(`The connection to ${address.host} was closed.`);
    if (open === undefined) {
      const attempt = connect(address, () => {
        if (open === attempt) open = undefined;
      });
      open = attempt;
      attempt.catch(() => {
        if (open === attempt) open = undefined;
      });
    }
    return await open;
  };

  const authorize = async (entity: string): Promise<void> => {
    const audience = `sb://${address.host}/${entity}`;
    const { type, token } = await address.token(audience);
    const properties = { operation: "put-token", name: audience, type };
    await request(await connection(), "$cbs", { to: "$cbs", application_properties: properties, body: token });
  };

  return {
    address,
    connection,
    authorize,
    async partitions(hub) {
      await authorize(`${hub}/$management`);
      const properties = { operation: "READ", name: hub, type: "com.microsoft:eventhub" };
      const answer = await request(await connection(), "$management", { application_properties: properties, body: "" });
      const body: unknown = answer.body;
      const ids = typeof body === "object" && body !== null && "partition_ids" in body ? body.partition_ids : [];
      return Array.isArray(ids) ? ids.map(String) : [];
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      const current = await open?.catch(() => undefined);
      open = undefined;
      if (current === undefined || current.is_closed()) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      current.once("connection_close", () => resolve());
      current.once("disconnected", () => resolve());
      const timer = setTimeout(resolve, 1000);
      current.close();
      await promise;
      clearTimeout(timer);
    },
  };
}

async function connect(address: NamespaceAddress, onClosed: () => void): Promise<Connection> {
  const where = `${address.host}:${address.port}`;
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  const container = rhea.create_container();
  const options = {
    host: address.host,
    port: address.port,
    username: "weft",
    reconnect: false,
    idle_time_out: silenceLimit,
  } as const;
  const connection = container.connect(
    address.tls ? { ...options, transport: "tls", servername: address.host } : { ...options, transport: "tcp" },
  );
  const fail = (reason: string): void => {
    onClosed();
    reject(new Error(`Event Hubs at ${where} cannot be reached: ${reason}`));
  };
  const timer = setTimeout(() => fail("no answer"), answerTimeout);
  connection.on("connection_open", () => resolve(connection));
  connection.on("connection_close", () => fail("the connection was closed"));
  connection.on("connection_error", (context: EventContext) => fail(describe(context.connection.error)));
  connection.on("disconnected", (context: EventContext) => fail(describe(context.error)));
  connection.on("protocol_error", (error: unknown) => fail(firstLine(error)));
  connection.on("error", (error: unknown) => fail(firstLine(error)));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** What rhea emits when a connection breaks, and when it is closed in good order. */
export const connectionEnds = ["disconnected", "connection_close"] as const;

interface RequestBody {
  readonly to?: string;
  readonly application_properties: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One request to a node that answers (`$cbs`, `$management`), on a session of its own. */
async function request(connection: Connection, node: string, message: RequestBody): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  const replyTo = rhea.generate_uuid();
  const session = connection.create_session();
  const fail = (context: EventContext): void => {
    reject(
      new Error(
        `${node} refused: ${describe(context.session?.error ?? context.receiver?.error ?? context.sender?.error)}`,
      ),
    );
  };
  const onEnd = (): void => reject(new Error(`${node} did not answer: the connection has ended.`));
  session.on("session_error", fail);
  session.on("receiver_error", fail);
  session.on("sender_error", fail);
  session.on("rejected", () => reject(new Error(`${node} rejected the request.`)));
  for (const end of connectionEnds) connection.once(end, onEnd);
  const timer = setTimeout(() => reject(new Error(`${node} did not answer in time.`)), answerTimeout);
  try {
    session.begin();
    session.on("message", (context: EventContext) => {
      if (context.message !== undefined) resolve(context.message);
    });
    const link = { name: replyTo, source: { address: node }, target: { address: replyTo }, credit_window: 0 };
    session.open_receiver(link).add_credit(1);
    const sender = session.open_sender({ target: { address: node } });
    sender.once("sendable", () => sender.send({ ...message, message_id: rhea.generate_uuid(), reply_to: replyTo }));
    const answer = await promise;
    const status: unknown =
      answer.application_properties?.["status-code"] ?? answer.application_properties?.["statusCode"];
    if (typeof status === "number" && status >= 300) {
      const reason: unknown =
        answer.application_properties?.["status-description"] ?? answer.application_properties?.["statusDescription"];
      throw new Error(`${node} answered ${status}: ${String(reason)}`);
    }
    return answer;
  } finally {
    clearTimeout(timer);
    for (const end of connectionEnds) connection.removeListener(end, onEnd);
    if (connection.is_open()) session.close();
  }
}

/** Condition and description of an AMQP error, or the message of any other. */
export function describe(error: AmqpError | Error | undefined): string {
  if (error === undefined) return "the connection broke";
  if (error instanceof Error) return firstLine(error);
  return [error.condition, error.description].filter((part) => part !== undefined).join(": ");
}

function firstLine(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.split("\n", 1)[0] ?? "";
}
