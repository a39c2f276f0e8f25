import assert from "node:assert/strict";
import { test } from "node:test";
import { createPartitionLog, type NewEvent, type PartitionLog } from "./partition-log.ts";

const event = (text: string): NewEvent => ({ bytes: Buffer.from(text), partitionKey: undefined });

/** Three events, appended one by one at 100, 200 and 300. */
function threeEvents(): PartitionLog {
  const times = [100, 200, 300];
  const log = createPartitionLog({ now: () => times.shift() ?? 300 });
  for (const text of ["a", "b", "c"]) log.append([event(text)]);
  return log;
}

test("append() numbers events from 0 without gaps", () => {
  const log = threeEvents();
  const placed = log.append([event("d"), event("e")]);
  assert.deepEqual(
    placed.map((one) => one.sequenceNumber),
    [3, 4],
  );
  assert.equal(log.read(4)?.bytes.toString(), "e");
  assert.equal(log.read(5), undefined);
  assert.equal(log.read(-1)?.sequenceNumber, 0);
});

test("append() never lets the enqueued time go back", () => {
  const times = [500, 400];
  const log = createPartitionLog({ now: () => times.shift() ?? 0 });
  log.append([event("a")]);
  assert.equal(log.append([event("b")])[0]?.enqueuedTime, 500);
});

test("append() keeps nothing when its store fails", () => {
  const log = createPartitionLog({
    now: () => 1,
    store: {
      append: () => {
        throw new Error("disk full");
      },
      dropBefore: () => {},
      dropFrom: () => {},
      clear: () => {},
      close: () => {},
    },
  });
  assert.throws(() => log.append([event("a")]), /disk full/);
  assert.equal(log.properties().isEmpty, true);
});

test("locate() finds the first event after a position, or at it when inclusive", () => {
  const log = threeEvents();
  const offset = log.read(1)?.offset ?? -1;
  const next = (from: "offset" | "sequence-number" | "enqueued-time", value: number, inclusive: boolean): unknown =>
    log.locate({ from, value, inclusive });
  assert.deepEqual(log.locate({ from: "start" }), { next: 0 });
  assert.deepEqual(log.locate({ from: "end" }), { next: 3 });
  assert.deepEqual(next("sequence-number", 1, false), { next: 2 });
  assert.deepEqual(next("sequence-number", 1, true), { next: 1 });
  assert.deepEqual(next("sequence-number", -1, false), { next: 0 });
  assert.deepEqual(next("offset", offset, false), { next: 2 });
  assert.deepEqual(next("offset", offset, true), { next: 1 });
  assert.deepEqual(next("offset", -1, false), { next: 0 });
  assert.deepEqual(next("enqueued-time", 200, false), { next: 2 });
  assert.deepEqual(next("enqueued-time", 200, true), { next: 1 });
  assert.deepEqual(next("enqueued-time", 9_999, true), { next: 3 });
});

test("locate() refuses a position behind the last event", () => {
  const log = threeEvents();
  assert.match(
    JSON.stringify(log.locate({ from: "sequence-number", value: 3, inclusive: true })),
    /last sequence number in the system is '2'/,
  );
  assert.match(
    JSON.stringify(log.locate({ from: "offset", value: 99_999, inclusive: false })),
    /supplied offset '99999' is invalid/,
  );
});

test("properties() of an empty log end at -1", () => {
  assert.deepEqual(createPartitionLog({ now: () => 1 }).properties(), {
    beginningSequenceNumber: 0,
    lastSequenceNumber: -1,
    lastOffset: -1,
    lastEnqueuedTime: undefined,
    isEmpty: true,
  });
});

test("onAppend() tells once per append until it is stopped", () => {
  const log = threeEvents();
  let told = 0;
  const stop = log.onAppend(() => {
    told += 1;
  });
  log.append([event("d"), event("e")]);
  stop();
  log.append([event("f")]);
  assert.equal(told, 1);
});

test("a log continues after the events that were kept", () => {
  const before = threeEvents();
  const kept = [0, 1, 2].flatMap((number) => before.read(number) ?? []);
  const log = createPartitionLog({ now: () => 50, events: kept.slice(1) });
  const [next] = log.append([event("d")]);
  assert.equal(next?.sequenceNumber, 3);
  assert.equal(next?.enqueuedTime, 300);
  assert.ok((next?.offset ?? 0) > (kept[2]?.offset ?? 0));
  assert.equal(log.properties().beginningSequenceNumber, 1);
  assert.equal(log.read(0)?.sequenceNumber, 1);
});

const texts = (log: PartitionLog): string[] => {
  const found: string[] = [];
  for (let event = log.read(0); event !== undefined; event = log.read(event.sequenceNumber + 1))
    found.push(event.bytes.toString());
  return found;
};

test("events expire by age, also all of them, and numbers go on", () => {
  let now = 0;
  const log = createPartitionLog({ now: () => now, retention: { age: 100 } });
  for (const text of ["a", "b", "c"]) {
    log.append([event(text)]);
    now += 50;
  }
  now = 150;
  assert.deepEqual(texts(log), ["b", "c"]);
  assert.equal(log.properties().beginningSequenceNumber, 1);
  const { lastOffset } = log.properties();
  now = 1_000;
  assert.deepEqual(log.properties(), {
    beginningSequenceNumber: 3,
    lastSequenceNumber: 2,
    lastOffset,
    lastEnqueuedTime: 100,
    isEmpty: true,
  });
  assert.deepEqual(log.locate({ from: "sequence-number", value: 0, inclusive: true }), { next: 3 });
  assert.deepEqual(log.locate({ from: "offset", value: lastOffset, inclusive: false }), { next: 3 });
  assert.equal(log.append([event("d")])[0]?.sequenceNumber, 3);
});

test("events expire by size, but for the newest", () => {
  const log = createPartitionLog({ now: () => 1, retention: { bytes: 10 } });
  for (const text of ["aaaa", "bbbb", "cc"]) log.append([event(text)]);
  assert.deepEqual(texts(log), ["aaaa", "bbbb", "cc"]);
  log.append([event("d")]);
  assert.deepEqual(texts(log), ["bbbb", "cc", "d"]);
  log.append([event("longer than all that may be kept")]);
  assert.equal(texts(log).length, 1);
});

test("loseTail() gives the lost numbers again; clear() begins anew", () => {
  const log = threeEvents();
  log.loseTail(2);
  assert.deepEqual(texts(log), ["a"]);
  assert.ok("refused" in log.locate({ from: "sequence-number", value: 2, inclusive: false }));
  assert.equal(log.append([event("d")])[0]?.sequenceNumber, 1);
  log.loseTail(9);
  assert.equal(log.properties().lastSequenceNumber, -1);
  log.append([event("e")]);
  log.clear();
  assert.deepEqual(log.properties().isEmpty, true);
  assert.equal(log.append([event("f")])[0]?.sequenceNumber, 0);
});
