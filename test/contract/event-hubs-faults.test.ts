import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EventHubProducerClient } from "@azure/event-hubs";
import { type HubFault, hubFault } from "../../local/event-hubs/faults.ts";
import { type EventHubs, startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { createFaultInjector, type FaultInjector } from "../../local/faults/fault-injector.ts";
import { parseFaultPlan } from "../../local/faults/fault-plan.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import { eventually } from "../support/eventually.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { bodies, code, createClients, HUB, hubs, options, patience, read } from "./event-hubs-harness.ts";

/** What the Event Hubs stand-in does on purpose, as the unmodified SDK sees it (design.md §8). */

interface Stage extends AsyncDisposable {
  readonly server: EventHubs;
  readonly faults: FaultInjector<HubFault>;
  readonly clients: ReturnType<typeof createClients>;
  /** What the partition holds, as text. */
  kept(partition?: string): string[];
}

type Rule = Readonly<Record<string, unknown>>;

async function stageWith(rules: readonly Rule[], seed = 0, clock = systemClock): Promise<Stage> {
  const faults = createFaultInjector(parseFaultPlan(JSON.stringify({ seed, faults: rules }), hubFault));
  const server = await startEventHubs({ hubs, faults, clock });
  const clients = createClients();
  return {
    server,
    faults,
    clients,
    kept(partition = "0") {
      const log = server.namespace.hubs.get(HUB)?.partitions[Number(partition)]?.log;
      const texts: string[] = [];
      for (let event = log?.read(0); event !== undefined; event = log?.read(event.sequenceNumber + 1))
        texts.push(/[a-z]+\d*$/.exec(event.bytes.toString("latin1").replace(/"$/, ""))?.[0] ?? "");
      return texts;
    },
    async [Symbol.asyncDispose]() {
      await clients[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const one = { partitionId: "0" };

/**
 * Sends what is befallen so that nobody answers. The SDK does not see when link or connection are gone and waits as long as it is told to: it is told to
 * give up once so many faults have befallen.
 */
async function sendInVain(
  { faults }: Stage,
  producer: EventHubProducerClient,
  { body, befallen }: { readonly body: string; readonly befallen: number },
): Promise<void> {
  const giveUp = new AbortController();
  const rejected = assert.rejects(producer.sendBatch([{ body }], { ...one, abortSignal: giveUp.signal }));
  await eventually("the fault", async () => faults.history.length >= befallen);
  giveUp.abort();
  await rejected;
}

describe("sends", options, () => {
  test("a duplicate is stored twice and answered once", async () => {
    await using stage = await stageWith([{ fault: "duplicate", on: "send", at: [2] }]);
    const producer = stage.clients.producer(stage.server);
    for (const body of ["a", "b", "c"]) await producer.sendBatch([{ body }], one);
    assert.deepEqual(stage.kept(), ["a", "b", "b", "c"]);
  });

  test("an unanswered send is stored, though the sender is told that it failed", async () => {
    await using stage = await stageWith([{ fault: "unanswered", on: "send", at: [1] }]);
    await sendInVain(stage, stage.clients.producer(stage.server), { body: "lost", befallen: 1 });
    assert.deepEqual(stage.kept(), ["lost"]);
  });

  test("a delayed send is overtaken by the next one", async () => {
    const clock = createManualClock(Date.now());
    await using stage = await stageWith([{ fault: "delay", on: "send", at: [1], milliseconds: 300 }], 0, clock);
    const producer = stage.clients.producer(stage.server);
    const late = producer.sendBatch([{ body: "late" }], one);
    await eventually("the fault", async () => stage.faults.history.length === 1);
    await producer.sendBatch([{ body: "next" }], one);
    clock.pass(300);
    await late;
    assert.deepEqual(stage.kept(), ["next", "late"]);
  });

  test("busy, a closed link and a withdrawn right store nothing and are told as the service tells them", async () => {
    await using stage = await stageWith([
      { fault: "busy", on: "send", at: [1] },
      { fault: "unauthorized", on: "send", at: [2] },
      { fault: "detach", on: "send", at: [3] },
    ]);
    const producer = stage.clients.producer(stage.server);
    await assert.rejects(producer.sendBatch([{ body: "a" }], one), code("ServerBusyError"));
    await assert.rejects(producer.sendBatch([{ body: "b" }], one), code("UnauthorizedError"));
    await sendInVain(stage, producer, { body: "c", befallen: 3 });
    assert.deepEqual(stage.kept(), []);
    await producer.sendBatch([{ body: "d" }], one);
    assert.deepEqual(stage.kept(), ["d"]);
  });

  test("busy is overcome by the SDK's retries", async () => {
    await using stage = await stageWith([{ fault: "busy", on: "send", limit: 2 }]);
    await stage.clients.producer(stage.server, { retry: patience }).sendBatch([{ body: "a" }], one);
    assert.deepEqual(stage.kept(), ["a"]);
    assert.equal(stage.faults.history.length, 2);
  });
});

describe("a hub's loss", options, () => {
  test("acknowledged events are lost, their numbers are given again, and who had read them is refused", async () => {
    await using stage = await stageWith([{ fault: "lose-tail", on: "send", at: [3], events: 2 }]);
    const producer = stage.clients.producer(stage.server);
    for (const body of ["a", "b"]) await producer.sendBatch([{ body }], one);
    await using reader = read(stage.clients.consumer(stage.server), { partition: "0" });
    const [, b] = await reader.seen(2);
    await producer.sendBatch([{ body: "c" }], one);
    await reader.failed;
    assert.deepEqual(stage.kept(), ["a"]);
    await using stale = read(stage.clients.consumer(stage.server), {
      partition: "0",
      from: { sequenceNumber: b?.sequenceNumber ?? -1 },
    });
    assert.equal((await stale.failed).code, "ArgumentError");
    await producer.sendBatch([{ body: "d" }], one);
    const properties = await producer.getPartitionProperties("0");
    assert.equal(properties.lastEnqueuedSequenceNumber, b?.sequenceNumber);
  });

  test("a hub made anew begins with 0; a stale position is refused until there is an event behind it", async () => {
    await using stage = await stageWith([{ fault: "recreate", on: "send", at: [3] }]);
    const producer = stage.clients.producer(stage.server);
    const { createdOn } = await producer.getEventHubProperties();
    for (const body of ["a", "b"]) await producer.sendBatch([{ body }], one);
    await using reader = read(stage.clients.consumer(stage.server), { partition: "0" });
    const [, b] = await reader.seen(2);
    await sendInVain(stage, producer, { body: "c", befallen: 1 });
    assert.equal((await reader.failed).code, "MessagingEntityNotFoundError");
    assert.deepEqual(stage.kept(), []);
    await producer.sendBatch([{ body: "d" }], one);
    assert.equal((await producer.getPartitionProperties("0")).lastEnqueuedSequenceNumber, 0);
    assert.ok((await producer.getEventHubProperties()).createdOn >= createdOn);
    await using stale = read(stage.clients.consumer(stage.server), {
      partition: "0",
      from: { sequenceNumber: b?.sequenceNumber ?? -1 },
    });
    assert.match((await stale.failed).message, /supplied sequence number '1' is invalid/);
  });
});

describe("reads", options, () => {
  test("a reader is refused for the limit, a right or throttling, though it did nothing wrong", async () => {
    await using stage = await stageWith([
      { fault: "reader-limit", on: "receive", at: [1] },
      { fault: "unauthorized", on: "receive", at: [2] },
      { fault: "busy", on: "receive", at: [3] },
    ]);
    for (const expected of ["QuotaExceededError", "UnauthorizedError", "ServerBusyError"]) {
      await using reader = read(stage.clients.consumer(stage.server), { partition: "0" });
      assert.equal((await reader.failed).code, expected);
    }
  });

  test("deliveries come twice, late, and over a link that was closed in between", async () => {
    await using stage = await stageWith([
      { fault: "duplicate", on: "deliver", at: [1] },
      { fault: "delay", on: "deliver", at: [2], milliseconds: 200 },
      { fault: "detach", on: "deliver", at: [3] },
    ]);
    const producer = stage.clients.producer(stage.server);
    await producer.sendBatch([{ body: "a" }, { body: "b" }, { body: "c" }], one);
    await using reader = read(stage.clients.consumer(stage.server, { retry: patience }), { partition: "0" });
    assert.deepEqual(bodies(await reader.seen(4)), ["a", "a", "b", "c"]);
  });

  test("properties are refused when busy", async () => {
    await using stage = await stageWith([{ fault: "busy", on: "manage", at: [1] }]);
    const producer = stage.clients.producer(stage.server);
    await assert.rejects(producer.getEventHubProperties());
    assert.equal((await producer.getEventHubProperties()).name, HUB);
  });
});

test("the same seed gives the same history, whatever the partitions do to each other", options, async () => {
  const rules = [
    { fault: "duplicate", on: "send", rate: 0.3 },
    { fault: "lose-tail", on: "send", rate: 0.1, events: 2 },
  ];
  const history = async (seed: number, order: readonly string[]): Promise<Record<string, readonly string[]>> => {
    await using stage = await stageWith(rules, seed);
    const producer = stage.clients.producer(stage.server);
    for (let index = 0; index < 15; index += 1)
      for (const partitionId of order) await producer.sendBatch([{ body: `e${index}` }], { partitionId });
    return { 0: stage.kept("0"), 1: stage.kept("1") };
  };
  const first = await history(7, ["0", "1"]);
  assert.deepEqual(await history(7, ["1", "0"]), first);
  assert.notDeepEqual(await history(8, ["0", "1"]), first);
});
