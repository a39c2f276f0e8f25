import assert from "node:assert/strict";
import { test } from "node:test";
import { memorySource, toEvent } from "../testdata/memory-reader.ts";
import { toTriggerData } from "./to-trigger-data.ts";

const options = { source: memorySource, cardinality: "many", dataType: undefined, keepEmpty: false } as const;

test("toTriggerData() drops empty bodies and missing keys, so the lists no longer fit each other", () => {
  const events = [toEvent(0, "a", "k"), toEvent(1, ""), toEvent(2, "c")];
  const { data, metadata } = toTriggerData(events, options);
  assert.deepEqual(data, { collectionString: { string: ["a", "c"] } });
  assert.deepEqual(metadata["PartitionKeyArray"], { collectionString: { string: ["k"] } });
  assert.deepEqual(metadata["SequenceNumberArray"], { collectionSint64: { sint64: [0, 1, 2] } });
});

test("toTriggerData() keeps empty entries for an app that asks for it", () => {
  const events = [toEvent(0, "a", "k"), toEvent(1, "")];
  const { data, metadata } = toTriggerData(events, { ...options, keepEmpty: true });
  assert.deepEqual(data, { collectionString: { string: ["a", ""] } });
  assert.deepEqual(metadata["PartitionKeyArray"], { collectionString: { string: ["k", ""] } });
});

test("toTriggerData() hands over bytes for the data type binary", () => {
  const event = { ...toEvent(0, ""), body: new Uint8Array([0xff, 0]) };
  assert.deepEqual(toTriggerData([event], { ...options, dataType: "binary" }).data, {
    collectionBytes: { bytes: [event.body] },
  });
});

test("toTriggerData() says -1 for an offset that is no 64-bit number", () => {
  const event = { ...toEvent(0, "a"), offset: "98765432109876543210" };
  const { metadata } = toTriggerData([event], options);
  assert.deepEqual(metadata["OffsetArray"], { collectionString: { string: ["-1"] } });
  assert.deepEqual(metadata["OffsetStringArray"], { collectionString: { string: ["98765432109876543210"] } });
});

test("toTriggerData() gives a single event the singular names", () => {
  const { data, metadata } = toTriggerData([toEvent(7, { a: 1 }, "k")], { ...options, cardinality: "one" });
  assert.deepEqual(data, { string: '{"a":1}' });
  assert.deepEqual(metadata["PartitionKey"], { string: "k" });
  assert.deepEqual(metadata["Offset"], { string: "700" });
  assert.deepEqual(metadata["SequenceNumber"], { json: "7" });
  assert.deepEqual(JSON.parse(metadata["PartitionContext"]?.json ?? ""), {
    FullyQualifiedNamespace: "memory",
    EventHubName: "events",
    ConsumerGroup: "$Default",
    PartitionId: "0",
  });
});
