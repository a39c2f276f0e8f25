import assert from "node:assert/strict";
import { test } from "node:test";
import { eachOf } from "./each-of.ts";

test("eachOf() does everything once, at most so many at a time", async () => {
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await eachOf([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    done.push(item);
  });
  assert.deepEqual([done.toSorted((a, b) => a - b), most], [[1, 2, 3, 4, 5, 6, 7], 3]);
});

test("eachOf() begins nothing after a fault, and throws the first one when what ran has ended", async () => {
  const begun: number[] = [];
  const slow = Promise.withResolvers<void>();
  let ended = false;
  const work = eachOf([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    if (item === 2) throw new Error("first");
    await slow.promise;
    ended = true;
    throw new Error("second");
  });
  await new Promise((resolve) => setImmediate(resolve));
  slow.resolve();
  await assert.rejects(work, /first/);
  assert.deepEqual([begun, ended], [[1, 2], true]);
});

test("eachOf() has nothing to do with no items", async () => {
  await eachOf([], 4, () => Promise.reject(new Error("never")));
});
