import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSelector } from "./selector.ts";

test("parseSelector() reads every form that the SDK sends", () => {
  assert.deepEqual(parseSelector("amqp.annotation.x-opt-offset > '-1'"), { from: "start" });
  assert.deepEqual(parseSelector("amqp.annotation.x-opt-offset > '@latest'"), { from: "end" });
  assert.deepEqual(parseSelector("amqp.annotation.x-opt-offset >= '12'"), {
    from: "offset",
    value: 12,
    inclusive: true,
  });
  assert.deepEqual(parseSelector("amqp.annotation.x-opt-sequence-number > '7'"), {
    from: "sequence-number",
    value: 7,
    inclusive: false,
  });
  assert.deepEqual(parseSelector("amqp.annotation.x-opt-enqueued-time > '1700000000000'"), {
    from: "enqueued-time",
    value: 1_700_000_000_000,
    inclusive: false,
  });
  assert.deepEqual(parseSelector(undefined), { from: "start" });
});

test("parseSelector() knows nothing else", () => {
  assert.equal(parseSelector("color = 'red'"), undefined);
  assert.equal(parseSelector("amqp.annotation.x-opt-offset > 'abc'"), undefined);
  assert.equal(parseSelector("amqp.annotation.x-opt-offset < '3'"), undefined);
});
