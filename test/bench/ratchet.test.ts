import assert from "node:assert/strict";
import { test } from "node:test";
import { mediansOf, regressionsOf } from "./ratchet.ts";

const baseline = { push: 0.5, memory: 1 };

function regressed(runs: Readonly<Record<string, readonly number[]>>): readonly string[] {
  return regressionsOf(new Map(Object.entries(runs)), baseline).map(({ row }) => row);
}

test("a row is worse when the median of its runs is more than a tenth above the baseline", () => {
  assert.deepEqual(regressed({ push: [0.56, 0.56, 0.1], memory: [1, 1.09, 1.2] }), ["push"]);
  assert.deepEqual(regressed({ push: [0.56, 0.54, 0.1] }), []);
});

test("a better row and one of exactly a tenth more pass", () => {
  assert.deepEqual(regressed({ push: [0.55, 0.55, 0.55], memory: [0.1, 0.1, 0.1] }), []);
});

test("rows that only one side has, and rows of fewer than three runs, are not judged", () => {
  assert.deepEqual(regressed({ other: [9, 9, 9], push: [9, 9] }), []);
});

test("what is written to the baseline are the medians of rows with three runs", () => {
  const medians = mediansOf(
    new Map([
      ["push", [0.7, 0.5, 0.6]],
      ["memory", [1, 2]],
    ]),
  );
  assert.deepEqual(medians, { push: 0.6 });
});
