import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  EventHubBufferedProducerClient,
  type EventHubProducerClient,
  type EventPosition,
  latestEventPosition,
  type ReceivedEventData,
} from "@azure/event-hubs";
import { partitionOfKey } from "../../local/event-hubs/log/partition-key.ts";
import { type EventHubs, startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import { bodies, code, createClients, HUB, hubs, options, PARTITIONS, read } from "./event-hubs-harness.ts";

/** The stand-in against the unmodified SDK: what passes here is what Weft may rely on (spec azure.md §3.1). */

let server: EventHubs;
let producer: EventHubProducerClient;
const clients = createClients();

before(async () => {
  server = await startEventHubs({ hubs });
  producer = clients.producer(server);
});
after(async () => {
  await clients[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const facts = (event: ReceivedEventData): unknown[] => [
  event.body,
  event.sequenceNumber,
  event.offset,
  event.partitionKey,
  event.enqueuedTimeUtc,
];

/** Sends to the end of a partition and gives the sequence number of the first event sent. */
async function send(partitionId: string, ...texts: string[]): Promise<number> {
  const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties(partitionId);
  await producer.sendBatch(
    texts.map((body) => ({ body })),
    { partitionId },
  );
  return lastEnqueuedSequenceNumber + 1;
}

/** Far below the half minute or more for which the SDK waits for an answer that does not come, far above what a busy machine needs. */
async function quickly(work: Promise<void>): Promise<void> {
  const began = performance.now();
  await work;
  assert.ok(performance.now() - began < 15_000);
}

describe("properties", options, () => {
  test("a hub tells its name and partitions", async () => {
    const properties = await producer.getEventHubProperties();
    assert.equal(properties.name, HUB);
    assert.deepEqual(properties.partitionIds, ["0", "1", "2", "3"]);
    assert.ok(Math.abs(Date.now() - properties.createdOn.getTime()) < 60_000);
  });

  test("a partition tells its ends, empty and not", async () => {
    await using other = await startEventHubs({ hubs });
    const client = clients.producer(other);
    const empty = await client.getPartitionProperties("1");
    assert.deepEqual(
      [empty.isEmpty, empty.beginningSequenceNumber, empty.lastEnqueuedSequenceNumber, empty.lastEnqueuedOffset],
      [true, 0, -1, "-1"],
    );
    await client.sendBatch([{ body: "a" }, { body: "b" }], { partitionId: "1" });
    const filled = await client.getPartitionProperties("1");
    assert.deepEqual([filled.isEmpty, filled.lastEnqueuedSequenceNumber, filled.partitionId], [false, 1, "1"]);
    assert.ok(Number(filled.lastEnqueuedOffset) > 0);
    assert.ok(Math.abs(Date.now() - filled.lastEnqueuedOnUtc.getTime()) < 60_000);
  });
});

describe("sending", options, () => {
  test("one event arrives with all that it carried", async () => {
    const first = await send("0", "before");
    const body = { object: { name: "cart" }, text: "ß漢🚀" };
    await producer.sendBatch(
      [{ body, properties: { type: "ObjectApplied" }, messageId: "m1", contentType: "application/json" }],
      {
        partitionId: "0",
      },
    );
    await using reader = read(clients.consumer(server), { partition: "0", from: { sequenceNumber: first } });
    const [event] = await reader.seen(1);
    assert.deepEqual(event?.body, body);
    assert.deepEqual(event?.properties, { type: "ObjectApplied" });
    assert.equal(event?.messageId, "m1");
    assert.equal(event?.contentType, "application/json");
    assert.equal(event?.sequenceNumber, first + 1);
    assert.match(event?.offset ?? "", /^\d+$/);
    assert.ok(Math.abs(Date.now() - (event?.enqueuedTimeUtc.getTime() ?? 0)) < 60_000);
  });

  test("a batch fills up to the size that the link allows and keeps its order", async () => {
    const batch = await producer.createBatch({ partitionId: "0" });
    assert.equal(batch.maxSizeInBytes, 1_048_576);
    const start = (await producer.getPartitionProperties("0")).lastEnqueuedSequenceNumber;
    let count = 0;
    while (batch.tryAdd({ body: { count, padding: "x".repeat(2_000) } })) count += 1;
    await producer.sendBatch(batch);
    await using reader = read(clients.consumer(server), { partition: "0", from: { sequenceNumber: start } });
    const events = await reader.seen(count);
    assert.ok(count > 400);
    assert.deepEqual(
      events.map((event) => (event.body as { count: number }).count),
      Array.from({ length: count }, (_, index) => index),
    );
  });

  test("200 KB arrive unharmed", async () => {
    const text = "y".repeat(200_000);
    const first = await send("1", text);
    await using reader = read(clients.consumer(server), {
      partition: "1",
      from: { sequenceNumber: first, isInclusive: true },
    });
    assert.deepEqual(bodies(await reader.seen(1)), [text]);
  });

  test("an event over 1 MB is refused, and the link goes on", async () => {
    await assert.rejects(
      producer.sendBatch([{ body: "z".repeat(1_100_000) }], { partitionId: "1" }),
      code("MessageTooLargeError"),
    );
    await send("1", "after");
  });

  test("a partition key lands where the service would put it", async () => {
    await using other = await startEventHubs({ hubs });
    const client = clients.producer(other);
    const keys = Array.from({ length: 40 }, (_, index) => `cluster-${index}-${"ß".repeat(index % 5)}`);
    for (const partitionKey of keys) await client.sendBatch([{ body: partitionKey }], { partitionKey });
    await using reader = read(clients.consumer(other), {});
    const found = new Map<string, string | null | undefined>();
    for (const event of await reader.seen(keys.length)) found.set(event.body as string, event.partitionKey);
    for (const key of keys) assert.equal(found.get(key), key);
    for (const id of ["0", "1", "2", "3"]) {
      const expected = keys.filter((key) => String(partitionOfKey(key, PARTITIONS)) === id).length;
      const { lastEnqueuedSequenceNumber } = await client.getPartitionProperties(id);
      assert.equal(lastEnqueuedSequenceNumber + 1, expected, `partition ${id}`);
    }
  });

  test("the SDK's own hash puts a key where the hub does", async () => {
    await using other = await startEventHubs({ hubs });
    const keys = Array.from({ length: 30 }, (_, index) => `cluster-${"ß".repeat(index % 13)}${index}`);
    const buffered = new EventHubBufferedProducerClient(other.connectionString, HUB, {
      onSendEventsErrorHandler: () => undefined,
    });
    for (const partitionKey of keys) await buffered.enqueueEvent({ body: partitionKey }, { partitionKey });
    await buffered.close();
    for (const id of Array.from({ length: PARTITIONS }, (_, index) => String(index))) {
      const expected = keys.filter((key) => String(partitionOfKey(key, PARTITIONS)) === id);
      await using reader = read(clients.consumer(other), { partition: id });
      assert.deepEqual(new Set(bodies(await reader.seen(expected.length))), new Set(expected), `partition ${id}`);
      const { log } = other.namespace.hubs.get(HUB)?.partitions[Number(id)] ?? {};
      assert.equal(log?.properties().lastSequenceNumber, expected.length - 1);
    }
  });

  test("a smaller tier's limit is what batches fill up to, and what single events are held to", async () => {
    const maxMessageBytes = 262_144;
    await using basic = await startEventHubs({ hubs, maxMessageBytes });
    const client = clients.producer(basic);
    const batch = await client.createBatch();
    assert.equal(batch.maxSizeInBytes, maxMessageBytes);
    assert.equal(batch.tryAdd({ body: "x".repeat(maxMessageBytes) }), false);
    assert.equal(batch.tryAdd({ body: "x".repeat(maxMessageBytes - 1_000) }), true);
    await client.sendBatch(batch);
    await assert.rejects(client.createBatch({ maxSizeInBytes: maxMessageBytes + 1 }), /Max message size/i);
    await assert.rejects(client.sendBatch([{ body: "x".repeat(maxMessageBytes) }]), code("MessageTooLargeError"));
  });

  test("a partition key has 128 characters at most", async () => {
    const sendWithKey = (length: number): Promise<void> =>
      producer.sendBatch([{ body: 1 }], { partitionKey: "k".repeat(length) });
    await assert.rejects(sendWithKey(129), code("ArgumentError"));
    await sendWithKey(128);
  });

  test("events without key or partition go round", async () => {
    await using other = await startEventHubs({ hubs });
    const client = clients.producer(other);
    for (let count = 0; count < 8; count += 1) await client.sendBatch([{ body: "any" }]);
    for (const id of ["0", "1", "2", "3"]) {
      assert.equal((await client.getPartitionProperties(id)).lastEnqueuedSequenceNumber, 1);
    }
  });
});

describe("positions", options, () => {
  test("from the start, from the end, after and at a sequence number, an offset, a time", async () => {
    let now = 0;
    await using other = await startEventHubs({ hubs, clock: { ...systemClock, now: () => now } });
    const client = clients.producer(other);
    const one = { partitionId: "2" };
    for (const body of ["a", "b", "c"]) {
      now += 1_000;
      await client.sendBatch([{ body }], one);
    }
    await using all = read(clients.consumer(other), { partition: "2" });
    const [, b, c] = await all.seen(3);
    assert.deepEqual(bodies(all.events), ["a", "b", "c"]);
    const cases: [EventPosition, string[]][] = [
      [{ sequenceNumber: b?.sequenceNumber ?? -1 }, ["c"]],
      [{ sequenceNumber: b?.sequenceNumber ?? -1, isInclusive: true }, ["b", "c"]],
      [{ offset: b?.offset ?? "" }, ["c"]],
      [{ offset: b?.offset ?? "", isInclusive: true }, ["b", "c"]],
      [{ enqueuedOn: 0 }, ["a", "b", "c"]],
      [{ enqueuedOn: 2_000 }, ["c"]],
      // The SDK asks for what is later than a time, whatever `isInclusive` says.
      [{ enqueuedOn: 2_000, isInclusive: true }, ["c"]],
      [{ enqueuedOn: 1_999 }, ["b", "c"]],
      [{ enqueuedOn: 2_001 }, ["c"]],
    ];
    for (const [from, expected] of cases) {
      await using reader = read(clients.consumer(other), { partition: "2", from });
      assert.deepEqual(bodies(await reader.seen(expected.length)), expected, JSON.stringify(from));
    }
    // Behind all that is there: the next event is the first that comes.
    now = 10_000;
    await client.sendBatch([{ body: "d" }], one);
    for (const from of [{ enqueuedOn: 9_000 }, { sequenceNumber: c?.sequenceNumber ?? -1 }]) {
      await using reader = read(clients.consumer(other), { partition: "2", from });
      assert.deepEqual(bodies(await reader.seen(1)), ["d"], JSON.stringify(from));
    }
  });

  test("a reader of @latest gets only what comes after it attached, at once", async () => {
    await send("3", "old");
    await using reader = read(clients.consumer(server), { partition: "3", from: latestEventPosition });
    let count = 0;
    // The SDK does not tell when a receiver is attached: what is sent before belongs to the past.
    while (reader.events.length === 0) {
      await send("3", `new ${count}`);
      await new Promise(setImmediate);
      count += 1;
    }
    assert.match(String(reader.events[0]?.body), /^new/);
  });

  test("a position behind the last event is refused, as after a hub was made anew", async () => {
    await using reader = read(clients.consumer(server), { partition: "3", from: { sequenceNumber: 1_000_000 } });
    const error = await reader.failed;
    assert.match(error.message, /The supplied sequence number '1000000' is invalid/);
    assert.equal(error.code, "ArgumentError");
  });
});

describe("retention", options, () => {
  test("what is too old or too much is gone, and readers begin with what is left", async () => {
    let now = Date.now();
    const clock = { ...systemClock, now: () => now };
    await using other = await startEventHubs({ hubs, clock, retention: { age: 60_000, bytes: 100_000 } });
    const client = clients.producer(other);
    const one = { partitionId: "0" };
    await client.sendBatch([{ body: "old" }], one);
    now += 50_000;
    await client.sendBatch([{ body: "young" }], one);
    now += 20_000;
    const properties = await client.getPartitionProperties("0");
    assert.deepEqual([properties.beginningSequenceNumber, properties.lastEnqueuedSequenceNumber], [1, 1]);
    for (const from of [
      { sequenceNumber: 0, isInclusive: true },
      { offset: "0", isInclusive: true },
      { enqueuedOn: 0 },
    ]) {
      await using reader = read(clients.consumer(other), { partition: "0", from });
      assert.deepEqual(bodies(await reader.seen(1)), ["young"]);
    }
    for (let count = 0; count < 3; count += 1) await client.sendBatch([{ body: "x".repeat(40_000) }], one);
    assert.equal((await client.getPartitionProperties("0")).beginningSequenceNumber, 3);
    now += 61_000;
    const empty = await client.getPartitionProperties("0");
    assert.deepEqual([empty.isEmpty, empty.lastEnqueuedSequenceNumber], [true, 4]);
    await client.sendBatch([{ body: "after" }], one);
    await using reader = read(clients.consumer(other), { partition: "0", from: { sequenceNumber: 4 } });
    assert.deepEqual(bodies(await reader.seen(1)), ["after"]);
  });
});

describe("reading", options, () => {
  test("each consumer group reads for itself; names differ by more than case", async () => {
    const first = await send("2", "for all");
    for (const group of ["$Default", "$default", "gateway"]) {
      await using reader = read(clients.consumer(server, { group }), {
        partition: "2",
        from: { sequenceNumber: first, isInclusive: true },
      });
      assert.deepEqual(bodies(await reader.seen(1)), ["for all"]);
    }
    await using stranger = read(clients.consumer(server, { group: "nobody" }), { partition: "2" });
    assert.equal((await stranger.failed).code, "MessagingEntityNotFoundError");
  });

  test("a reader that asks is told the end of the partition", async () => {
    const first = await send("2", "last");
    const last = Promise.withResolvers<number | undefined>();
    await using reader = read(clients.consumer(server), {
      partition: "2",
      from: { sequenceNumber: first, isInclusive: true },
      trackLastEnqueuedEventProperties: true,
      onLast: last.resolve,
    });
    await reader.seen(1);
    assert.equal(await last.promise, first);
  });

  test("closing a consumer with deliveries in flight is quick and leaves its neighbour on the connection alone", async () => {
    await using other = await startEventHubs({ hubs });
    const client = clients.producer(other);
    const body = "x".repeat(200_000);
    for (let count = 0; count < 12; count += 1) {
      await client.sendBatch([{ body }, { body }, { body }, { body }, { body }], { partitionId: "0" });
    }
    const consumer = clients.consumer(other);
    await using neighbour = read(consumer, { partition: "1" });
    for (let round = 1; round <= 5; round += 1) {
      const leaver = read(consumer, { partition: "0" });
      await leaver.seen(1);
      await quickly(leaver.subscription.close());
      await client.sendBatch([{ body: round }], { partitionId: "1" });
      assert.equal((await neighbour.seen(round)).length, round);
    }
    await quickly(consumer.close());
  });
});

describe("owners and limits", options, () => {
  test("a higher epoch takes a partition; the loser and lower ones are told so", async () => {
    const first = await send("0", "mine");
    const from = { sequenceNumber: first, isInclusive: true };
    await using loser = read(clients.consumer(server), { partition: "0", from, ownerLevel: 1 });
    await loser.seen(1);
    await using winner = read(clients.consumer(server), { partition: "0", from, ownerLevel: 2 });
    await winner.seen(1);
    assert.equal((await loser.failed).code, "ReceiverDisconnectedError");
    await loser.subscription.close();
    for (const late of [{ ownerLevel: 1 }, {}]) {
      await using reader = read(clients.consumer(server), { partition: "0", from, ...late });
      assert.equal((await reader.failed).code, "ReceiverDisconnectedError");
    }
    await using elsewhere = read(clients.consumer(server, { group: "gateway" }), { partition: "0", from });
    await elsewhere.seen(1);
  });

  test("an owner that left makes room for readers without an epoch", async () => {
    const first = await send("1", "free");
    const from = { sequenceNumber: first, isInclusive: true };
    const owner = read(clients.consumer(server), { partition: "1", from, ownerLevel: 5 });
    await owner.seen(1);
    await owner.subscription.close();
    await using reader = read(clients.consumer(server), { partition: "1", from });
    await reader.seen(1);
  });

  test("five readers without an epoch read a partition; the sixth is refused", async () => {
    const first = await send("3", "crowd");
    const from = { sequenceNumber: first, isInclusive: true };
    await using readers = new AsyncDisposableStack();
    for (let count = 0; count < 5; count += 1) {
      await readers.use(read(clients.consumer(server), { partition: "3", from })).seen(1);
    }
    await using sixth = read(clients.consumer(server), { partition: "3", from });
    const error = await sixth.failed;
    assert.equal(error.code, "QuotaExceededError");
    assert.match(error.message, /maximum number of allowed receivers per partition in a consumer group which is 5/);
  });

  test("an unknown hub is not found, however it is reached", async () => {
    const nowhere = clients.producer(server, { hub: "nowhere" });
    await assert.rejects(nowhere.sendBatch([{ body: 1 }]), code("MessagingEntityNotFoundError"));
    await assert.rejects(nowhere.getEventHubProperties(), code("MessagingEntityNotFoundError"));
    await using reader = read(clients.consumer(server, { hub: "nowhere" }), { partition: "0" });
    assert.equal((await reader.failed).code, "MessagingEntityNotFoundError");
  });

  test("an unknown partition is out of range", async () => {
    await assert.rejects(producer.sendBatch([{ body: 1 }], { partitionId: "9" }), code("ArgumentOutOfRangeError"));
  });

  test("a token of another key is refused", async () => {
    const forged = clients.producer({ connectionString: server.connectionString.replace("SAS_KEY_VALUE", "other") });
    await assert.rejects(forged.sendBatch([{ body: 1 }]), code("UnauthorizedError"));
  });
});

describe("a directory", options, () => {
  test("keeps events and numbers over a restart", async (context) => {
    const dir = await mkdtemp(join(tmpdir(), "weft-hub-"));
    context.after(() => rm(dir, { recursive: true }));
    const earlier: ReceivedEventData[] = [];
    {
      await using one = await startEventHubs({ hubs, dir });
      const client = clients.producer(one);
      await client.sendBatch([{ body: "a" }, { body: "b" }], { partitionKey: "k" });
      await using reader = read(clients.consumer(one), {});
      earlier.push(...(await reader.seen(2)));
    }
    await using two = await startEventHubs({ hubs, dir });
    const client = clients.producer(two);
    await client.sendBatch([{ body: "c" }], { partitionKey: "k" });
    await using reader = read(clients.consumer(two), {});
    const events = await reader.seen(3);
    assert.deepEqual(events.slice(0, 2).map(facts), earlier.map(facts));
    assert.equal(events[2]?.sequenceNumber, 2);
    assert.ok(Number(events[2]?.offset) > Number(events[1]?.offset));
  });

  test("made for another number of partitions is refused", async (context) => {
    const dir = await mkdtemp(join(tmpdir(), "weft-hub-"));
    context.after(() => rm(dir, { recursive: true }));
    await (await startEventHubs({ hubs, dir }))[Symbol.asyncDispose]();
    await assert.rejects(
      startEventHubs({ hubs: [{ name: HUB, partitionCount: 2 }], dir }),
      /made for 4 partitions, not 2/,
    );
  });
});
