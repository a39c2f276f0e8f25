import assert from "node:assert/strict";
import { test } from "node:test";
import { createMessageFrames } from "./message-frames.ts";

test("a message is framed once for all streams of a number", () => {
  const frames = createMessageFrames(1000);
  const message = Buffer.from("hi");
  const framed = frames.of(message, 1);
  assert.equal(framed.toString("hex"), "00000700000000000100000000026869");
  const other = frames.of(Buffer.from("hi"), 1);
  assert.notEqual(other, framed);
  assert.equal(frames.of(message, 1), framed);
  assert.equal(frames.of(message, 3).readUInt32BE(5), 3);
});

test("framed messages are forgotten after two sweeps, and when there are too many", () => {
  const frames = createMessageFrames(100);
  const message = Buffer.alloc(40);
  const framed = frames.of(message, 1);
  frames.sweep();
  assert.equal(frames.of(message, 1), framed);
  frames.sweep();
  frames.sweep();
  const again = frames.of(message, 1);
  assert.notEqual(again, framed);
  for (let count = 0; count < 4; count += 1) frames.of(Buffer.alloc(40), 1);
  assert.notEqual(frames.of(message, 1), again);
});
