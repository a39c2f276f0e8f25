import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock, type ManualClock } from "../../test/support/manual-clock.ts";
import { createFaultInjector } from "../faults/fault-injector.ts";
import { parseFaultPlan } from "../faults/fault-plan.ts";
import { hubFault } from "./faults.ts";
import type { Hub, Partition } from "./hub.ts";
import { type HubNamespace, openNamespace, type SendOutcome } from "./namespace.ts";
import type { Refusal } from "./refusal.ts";

interface Stage extends Disposable {
  readonly clock: ManualClock;
  readonly namespace: HubNamespace;
  readonly hub: Hub;
  readonly partition: Partition;
  send(text: string): Promise<SendOutcome>;
}

async function stageWith(...faults: readonly Readonly<Record<string, unknown>>[]): Promise<Stage> {
  const clock = createManualClock(0);
  const namespace = await openNamespace({
    hubs: [{ name: "events", partitionCount: 1 }],
    clock,
    faults: createFaultInjector(parseFaultPlan(JSON.stringify({ faults }), hubFault)),
  });
  const hub = namespace.hubs.get("events");
  const [partition] = hub?.partitions ?? [];
  assert.ok(hub !== undefined && partition !== undefined);
  return {
    clock,
    namespace,
    hub,
    partition,
    send: (text) =>
      namespace.send({
        hub,
        partition,
        partitionKey: undefined,
        events: [{ bytes: Buffer.from(text), partitionKey: undefined }],
      }),
    [Symbol.dispose]: () => namespace.close(),
  };
}

/** A reader from the start, and what it has got. */
function readFrom({ namespace, hub, partition }: Stage): {
  readonly texts: () => string[];
  readonly told: string[];
} {
  const got: string[] = [];
  const told: string[] = [];
  const opened = namespace.read({
    hub,
    partition,
    group: "$default",
    position: { from: "start" },
    name: "reader",
    epoch: undefined,
    onReady: () => told.push("ready"),
    onClosed: ({ condition }: Refusal) => told.push(condition),
  });
  return {
    told,
    texts() {
      if ("refusal" in opened) return [opened.refusal.condition];
      for (let event = opened.reader.next(); event !== undefined; event = opened.reader.next())
        got.push(event.bytes.toString());
      return got;
    },
  };
}

test("send() appends before it returns, and a delayed one when the clock says so", async () => {
  using stage = await stageWith({ fault: "delay", on: "send", at: [2], milliseconds: 100 });
  void stage.send("a");
  const late = stage.send("b");
  assert.equal((await stage.send("c")).outcome, "accepted");
  assert.equal(stage.partition.log.properties().lastSequenceNumber, 1);
  stage.clock.pass(100);
  assert.equal((await late).outcome, "accepted");
  assert.deepEqual(readFrom(stage).texts(), ["a", "c", "b"]);
});

test("next() holds back a delayed event and all behind it, and tells when it is time", async () => {
  using stage = await stageWith({ fault: "delay", on: "deliver", at: [2], milliseconds: 50 });
  const reader = readFrom(stage);
  for (const text of ["a", "b", "c"]) await stage.send(text);
  assert.deepEqual(reader.texts(), ["a"]);
  const before = reader.told.length;
  stage.clock.pass(50);
  assert.equal(reader.told.length, before + 1);
  assert.deepEqual(reader.texts(), ["a", "b", "c"]);
});

test("doNow() loses a tail or makes a hub anew, and sends readers away", async () => {
  using stage = await stageWith();
  for (const text of ["a", "b"]) await stage.send(text);
  const reader = readFrom(stage);
  stage.namespace.doNow({ fault: "lose-tail", on: "now", events: 1, hub: "events", partition: "0" });
  assert.deepEqual([reader.told, reader.texts()], [["amqp:link:detach-forced"], []]);
  stage.namespace.doNow({ fault: "recreate", on: "now", hub: "events" });
  assert.equal(stage.partition.log.properties().lastSequenceNumber, -1);
  assert.throws(() => stage.namespace.doNow({ fault: "recreate", on: "now", hub: "none" }), /no hub 'none'/);
  assert.throws(() => stage.namespace.doNow({ fault: "busy", on: "send" }), /put it into the plan/);
});

test("a reader is refused by a fault with the service's own condition", async () => {
  using stage = await stageWith({ fault: "reader-limit", on: "receive", at: [1] });
  assert.deepEqual(readFrom(stage).texts(), ["amqp:resource-limit-exceeded"]);
  assert.deepEqual(readFrom(stage).texts(), []);
});
