import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import rhea, {
  type Connection,
  type ConnectionOptions,
  type Delivery,
  type EventContext,
  type Message,
  type Receiver,
  type Session,
} from "rhea";
import { rootKey } from "../shared-access-key.ts";
import { type EventHubs, startEventHubs } from "../start-event-hubs.ts";

/** What the SDK cannot be made to show on demand: single frames, by a plain AMQP client. */

const HUB = "mesh-events";
const options = { timeout: 120_000 };

interface Client extends AsyncDisposable {
  readonly connection: Connection;
  /** Rejects when the server drops the connection. */
  readonly dropped: Promise<never>;
}

async function connect({ port }: EventHubs, { token = true } = {}): Promise<Client> {
  const dropped = Promise.withResolvers<never>();
  dropped.promise.catch(() => {});
  const connection = rhea.create_container().connect({
    port,
    host: "127.0.0.1",
    username: "any",
    reconnect: false,
    receiver_options: { credit_window: 0 },
  } as ConnectionOptions);
  connection.on("disconnected", () => dropped.reject(new Error("the server dropped the connection")));
  await once(connection, "connection_open");
  if (token) await putToken(connection);
  return {
    connection,
    dropped: dropped.promise,
    async [Symbol.asyncDispose]() {
      const closed = Promise.race([once(connection, "connection_close"), dropped.promise.catch(() => {})]);
      connection.close();
      await closed;
    },
  };
}

async function putToken(connection: Connection): Promise<void> {
  const audience = "sb://127.0.0.1/";
  const expiry = Math.floor(Date.now() / 1000) + 3600;
  const resource = encodeURIComponent(audience);
  const signature = createHmac("sha256", rootKey.key).update(`${resource}\n${expiry}`).digest("base64");
  const receiver = connection.open_receiver({ source: "$cbs", name: "replies" } as object);
  const sender = connection.open_sender("$cbs");
  receiver.add_credit(1);
  await once(sender, "sendable");
  const answered = once(receiver, "message");
  sender.send({
    message_id: "1",
    reply_to: "replies",
    application_properties: { operation: "put-token", name: audience, type: "servicebus.windows.net:sastoken" },
    body: `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${rootKey.name}`,
  } as unknown as Message);
  const [{ message }] = (await answered) as [EventContext];
  assert.equal(message?.application_properties?.["status-code"], 202);
  assert.equal(message?.correlation_id, "1");
}

async function openSession(connection: Connection): Promise<Session> {
  const session = connection.create_session();
  session.begin();
  await once(session, "session_open");
  return session;
}

function openReader(session: Session, partition: string, extra: object = {}): Receiver {
  return session.open_receiver({
    source: `${HUB}/ConsumerGroups/$Default/Partitions/${partition}`,
    autoaccept: false,
    ...extra,
  });
}

async function send(connection: Connection, partition: string, texts: readonly string[]): Promise<void> {
  const sender = (await openSession(connection)).open_sender(`${HUB}/Partitions/${partition}`);
  await once(sender, "sendable");
  const settled = new Promise<void>((resolve) => {
    let count = 0;
    sender.on("settled", () => {
      count += 1;
      if (count === texts.length) resolve();
    });
  });
  for (const text of texts) sender.send({ body: text } as unknown as Message);
  await settled;
}

/** Resolves with the bodies once the reader got so many messages. */
function got(reader: Receiver, count: number): Promise<readonly unknown[]> {
  const bodies: unknown[] = [];
  return new Promise((resolve) => {
    reader.on("message", ({ message }: EventContext) => {
      bodies.push(message?.body);
      if (bodies.length === count) resolve(bodies);
    });
  });
}

/** Resolves once partition 0 takes a reader without an epoch: its owner's session has ended on the server's side. */
async function untilFree(connection: Connection): Promise<void> {
  for (;;) {
    const reader = openReader(await openSession(connection), "0");
    await once(reader, "receiver_open");
    const refused = once(reader, "receiver_error").then(() => true);
    const sent = got(reader, 1).then(() => false);
    reader.add_credit(1);
    if (!(await Promise.race([refused, sent]))) return;
  }
}

const start = (): Promise<EventHubs> => startEventHubs({ hubs: [{ name: HUB, partitionCount: 2 }] });

describe("acceptConnection()", options, () => {
  test("ignores what comes late for a session that ended, and serves the others", async () => {
    await using server = await start();
    await using client = await connect(server);
    const { connection } = client;
    await send(connection, "0", ["a", "b"]);
    const leaving = await openSession(connection);
    const reader = openReader(leaving, "0", { properties: { "com.microsoft:epoch": 1 } });
    const deliveries: Delivery[] = [];
    const both = new Promise<void>((resolve) => {
      reader.on("message", ({ delivery }: EventContext) => {
        if (delivery !== undefined) deliveries.push(delivery);
        if (deliveries.length === 2) resolve();
      });
    });
    reader.add_credit(10);
    await both;
    // The client is kept from seeing the server's end, and goes on as if its own were not answered yet.
    const socket = connection["socket"] as Socket;
    socket.pause();
    leaving.close();
    await using other = await connect(server);
    await untilFree(other.connection);
    for (const delivery of deliveries) delivery.accept();
    reader.add_credit(5);
    await new Promise(setImmediate);
    socket.resume();
    const staying = openReader(await openSession(connection), "0");
    const events = got(staying, 2);
    staying.add_credit(2);
    assert.deepEqual(await Promise.race([events, client.dropped]), ["a", "b"]);
  });

  test("does not let a reader without credit hold up its session", async () => {
    await using server = await start();
    await using client = await connect(server);
    const session = await openSession(client.connection);
    const idle = openReader(session, "0");
    const eager = openReader(session, "1");
    await Promise.all([once(idle, "receiver_open"), once(eager, "receiver_open")]);
    const few = got(idle, 1);
    idle.add_credit(1);
    await send(client.connection, "0", ["1", "2", "3"]);
    assert.deepEqual(await few, ["1"]);
    const events = got(eager, 2);
    eager.add_credit(2);
    await send(client.connection, "1", ["x", "y", "z"]);
    assert.deepEqual(await events, ["x", "y"]);
    const rest = got(idle, 2);
    idle.add_credit(5);
    assert.deepEqual(await rest, ["2", "3"]);
  });

  test("delivers more than a session buffers unsettled as they are settled", async () => {
    await using server = await start();
    await using client = await connect(server);
    const texts = Array.from({ length: 1_000 }, (_, index) => String(index));
    for (let round = 0; round < 3; round += 1) await send(client.connection, "0", texts);
    const reader = openReader(await openSession(client.connection), "0", { autoaccept: true });
    const events = got(reader, 3_000);
    reader.add_credit(5_000);
    assert.equal((await Promise.race([events, client.dropped])).length, 3_000);
  });

  test("answers a drain when it has nothing more to send", async () => {
    await using server = await start();
    await using client = await connect(server);
    await send(client.connection, "0", ["a"]);
    const reader = openReader(await openSession(client.connection), "0");
    const events = got(reader, 1);
    reader.add_credit(10);
    assert.deepEqual(await events, ["a"]);
    const drained = once(reader, "receiver_drained");
    reader.drain_credit();
    await drained;
    reader.drain = false;
    const more = new Promise((resolve) => {
      reader.once("message", ({ message }: EventContext) => resolve(message?.body));
    });
    reader.add_credit(1);
    await send(client.connection, "0", ["b"]);
    assert.equal(await more, "b");
  });
});

describe("acceptConnection() refuses", options, () => {
  test("links before a token was put", async () => {
    await using server = await start();
    await using client = await connect(server, { token: false });
    const sender = client.connection.open_sender(HUB);
    await once(sender, "sender_error");
    assert.equal((sender.error as { condition?: string }).condition, "amqp:unauthorized-access");
    const reader = openReader(await openSession(client.connection), "0");
    await once(reader, "receiver_error");
    assert.equal((reader.error as { condition?: string }).condition, "amqp:unauthorized-access");
  });

  test("a filter that it does not know", async () => {
    await using server = await start();
    await using client = await connect(server);
    const source = {
      address: `${HUB}/ConsumerGroups/$Default/Partitions/0`,
      filter: { "apache.org:selector-filter:string": rhea.types.wrap_described("color = 'red'", 0x468c00000004) },
    };
    const reader = (await openSession(client.connection)).open_receiver({ source });
    await once(reader, "receiver_error");
    assert.equal((reader.error as { condition?: string }).condition, "com.microsoft:argument-error");
  });
});
