import assert from "node:assert/strict";
import { test } from "node:test";
import { createSettling } from "./settling.ts";

const settings = { interval: 10, limit: 100 };
const at = (seq: number) => ({ epoch: 1, seq });

test("the head is read at once, then every interval until it holds what was sent", () => {
  const settling = createSettling(settings, { position: at(5), now: 0 });
  assert.equal(settling.checkAt(), 0);
  assert.equal(settling.read(at(4), 3), "open");
  assert.equal(settling.checkAt(), 13);
  assert.equal(settling.wasSettled(), false);
  assert.equal(settling.read(at(5), 13), "settled");
  assert.deepEqual([settling.checkAt(), settling.wasSettled()], [Number.POSITIVE_INFINITY, true]);
});

test("what is sent when all was settled is looked for after an interval", () => {
  const settling = createSettling(settings, { position: at(5), now: 0 });
  settling.read(at(5), 0);
  settling.sent(at(6), 50);
  assert.equal(settling.checkAt(), 60);
});

test("what does not arrive within the limit is late, whatever is sent meanwhile", () => {
  const settling = createSettling(settings, { position: at(5), now: 0 });
  for (let now = 10; now <= 100; now += 10) {
    settling.sent(at(5 + now), now);
    assert.equal(settling.read(at(4), now), "open");
  }
  assert.equal(settling.read(at(4), 110), "late");
});

test("a head that moves on behind changes that keep coming is not late", () => {
  const settling = createSettling(settings, { position: at(1), now: 0 });
  for (let now = 10; now <= 1000; now += 10) {
    settling.sent(at(now), now);
    assert.equal(settling.read(at(now - 5), now), "open");
  }
});
