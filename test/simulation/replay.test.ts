import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "./simulate.ts";

test("a seed is one history: run again, every line is the same", async () => {
  for (const seed of [3, 11, 27]) {
    const first = await simulate(seed, { keepLines: true });
    const again = await simulate(seed, { keepLines: true });
    assert.ok(first.lines.length > 100, `${first.lines.length} lines`);
    assert.deepEqual(again.lines, first.lines);
    assert.equal(again.digest, first.digest);
  }
});

test("another seed is another history", async () => {
  assert.notEqual((await simulate(1)).digest, (await simulate(2)).digest);
});

test("a history leaves the process its own time and chance", async () => {
  const own = () => [Date, setTimeout, Math.random, Object.hasOwn(performance, "now")];
  const before = own();
  await simulate(4);
  assert.deepEqual(own(), before);
});
