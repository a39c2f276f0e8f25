import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf, createViewHistory, mergeChanges } from "./view-changes.ts";

const one = changeOf("endpoint", ["a"]);
const two = changeOf("endpoint", ["a", "b"]);
const other = changeOf("cluster", ["c"]);

test("what differs between two of the newest views is what changed on the way", () => {
  const history = createViewHistory();
  history.add(3, undefined);
  history.add(7, one);
  history.add(8, two);
  history.add(20, other);
  assert.equal(history.between(3, 7), one, "shared, not copied");
  assert.deepEqual(history.between(7, 7), []);
  assert.deepEqual(history.between(3, 20), [
    { type: "cluster", names: ["c"] },
    { type: "endpoint", names: ["a", "b"] },
  ]);
  assert.equal(history.between(7, 3), undefined);
  assert.equal(history.between(4, 20), undefined, "a view of another class");
});

test("nothing is known across a view of which nobody knows what differs, or of views long ago", () => {
  const history = createViewHistory();
  history.add(1, undefined);
  history.add(2, undefined);
  assert.equal(history.between(1, 2), undefined);
  for (let generation = 3; generation < 100; generation++) history.add(generation, one);
  assert.equal(history.between(2, 99), undefined);
  assert.deepEqual(history.between(80, 99), one);
});

test("changes of the same kind are merged without repeats, and no changes are none", () => {
  assert.deepEqual(mergeChanges(one, undefined, two), [{ type: "endpoint", names: ["a", "b"] }]);
  assert.equal(mergeChanges(one, one, []), one);
  assert.deepEqual(mergeChanges(), []);
});
