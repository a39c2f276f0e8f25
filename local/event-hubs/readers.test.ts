import assert from "node:assert/strict";
import { test } from "node:test";
import { admitReader, type Reader } from "./readers.ts";

const reader = (name: string, epoch?: number): Reader => ({ name, epoch });
const five = ["a", "b", "c", "d", "e"].map((name) => reader(name));

test("admitReader() takes five readers without an epoch and refuses the sixth", () => {
  assert.equal(admitReader(five.slice(1), reader("f")).admitted, true);
  const sixth = admitReader(five, reader("f"));
  assert.ok(!sixth.admitted);
  assert.equal(sixth.refusal.condition, "amqp:resource-limit-exceeded");
  assert.match(sixth.refusal.description, /which is 5\. List of connected receivers - a, b, c, d, e\./);
});

test("admitReader() gives an equal or higher epoch the partition and sends all others away", () => {
  for (const epoch of [2, 3]) {
    const admission = admitReader([reader("old", 2)], reader("new", epoch));
    assert.ok(admission.admitted);
    assert.deepEqual(admission.stolen, [reader("old", 2)]);
    assert.equal(admission.reason.condition, "amqp:link:stolen");
  }
  const overFive = admitReader(five, reader("new", 1));
  assert.ok(overFive.admitted);
  assert.deepEqual(overFive.stolen, five);
});

test("admitReader() refuses a lower epoch and none at all while there is an owner", () => {
  for (const candidate of [reader("low", 1), reader("none")]) {
    const admission = admitReader([reader("owner", 2)], candidate);
    assert.ok(!admission.admitted);
    assert.equal(admission.refusal.condition, "amqp:link:stolen");
  }
});
