import assert from "node:assert/strict";
import { test } from "node:test";
import rhea from "rhea";
import type { StoredEvent } from "../log/partition-log.ts";
import { BATCH_FORMAT, readSent, toDelivery } from "./event-message.ts";
import { MalformedMessage } from "./message-sections.ts";

const { message, types } = rhea;

const stored = (bytes: Buffer, partitionKey?: string): StoredEvent => ({
  bytes,
  partitionKey,
  sequenceNumber: 5_000_000_000,
  offset: 77,
  enqueuedTime: 1_700_000_000_123,
});

const richMessage = (): Buffer =>
  message.encode({
    durable: true,
    message_annotations: {
      "x-opt-partition-key": "mine",
      "x-opt-offset": "forged",
      kind: "kept",
      small: types.wrap_long(3),
    },
    application_properties: { type: "ObjectApplied", count: types.wrap_long(7) },
    message_id: "m1",
    content_type: "application/json",
    body: message.data_section(Buffer.from("{}")),
  });

test("readSent() takes a single message whole, with its partition key", () => {
  const bytes = richMessage();
  const sent = readSent(bytes, 0);
  assert.deepEqual(sent, { events: [{ bytes, partitionKey: "mine" }], partitionKey: "mine" });
});

test("readSent() opens a batch; the envelope's key counts for all its events", () => {
  const bodies = ["a", "b".repeat(300)].map((text) =>
    message.encode({ body: message.data_section(Buffer.from(text)) }),
  );
  const envelope = message.encode({
    message_annotations: { "x-opt-partition-key": "k" },
    body: message.data_sections(bodies),
  });
  const sent = readSent(envelope, BATCH_FORMAT);
  assert.equal(sent.partitionKey, "k");
  assert.deepEqual(
    sent.events,
    bodies.map((bytes) => ({ bytes, partitionKey: "k" })),
  );
});

test("readSent() refuses what is no message", () => {
  for (const bytes of ["junk", "\u0000", "\u0000Ss\u00d1\u0000\u0000\u00ff\u00ff"]) {
    assert.throws(() => readSent(Buffer.from(bytes, "latin1"), 0), MalformedMessage);
  }
  assert.throws(() => readSent(message.encode({ body: "value" }), BATCH_FORMAT), /without events/);
});

test("toDelivery() adds the service's annotations and leaves every other byte as it was", () => {
  const decoded = message.decode(toDelivery(stored(richMessage(), "mine")));
  const original = message.decode(richMessage());
  assert.deepEqual(decoded["message_annotations"], {
    kind: "kept",
    small: 3,
    "x-opt-sequence-number": 5_000_000_000,
    "x-opt-offset": "77",
    "x-opt-enqueued-time": new Date(1_700_000_000_123),
    "x-opt-partition-key": "mine",
  });
  for (const part of ["durable", "application_properties", "message_id", "content_type", "body"]) {
    assert.deepEqual(decoded[part], original[part], part);
  }
});

test("toDelivery() tells the end of the partition when asked", () => {
  const last = {
    beginningSequenceNumber: 0,
    lastSequenceNumber: 9,
    lastOffset: 900,
    lastEnqueuedTime: 5,
    isEmpty: false,
  };
  const bytes = message.encode({ body: "value" });
  const decoded = message.decode(toDelivery(stored(bytes), { last, retrievedAt: 6 }));
  assert.deepEqual(decoded["delivery_annotations"], {
    last_enqueued_sequence_number: 9,
    last_enqueued_offset: "900",
    last_enqueued_time_utc: new Date(5),
    runtime_info_retrieval_time_utc: new Date(6),
  });
  assert.equal(decoded["body"], "value");
});
