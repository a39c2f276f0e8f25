import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContentHash } from "../../shared/core/brand.ts";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import type { ObjectKey } from "../../shared/core/object.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import { createProblemBoard } from "./problem-board.ts";
import type { Refusal } from "./proxy-roster.ts";

const object: ObjectKey = { group: "", kind: "Service", namespace: "shop", name: "cart" };
const compiled: Problem = { code: "backend-not-found", object, message: "no such backend" };

function refusal(proxy: string, version = "v-bad"): Refusal {
  return { proxy, type: "route", name: "cart", version: version as ContentHash, message: "not\n  this" };
}

const snapshot = {
  resources: new Map([["v-bad", { version: "v-bad", body: Buffer.alloc(0), causes: [object, { ...object }] }]]),
} as unknown as ServedSnapshot;

function start() {
  const shown: (readonly Problem[])[] = [];
  const board = createProblemBoard({ show: async (problems) => void shown.push(problems) });
  return { board, shown };
}

test("all sources stand side by side, each replaced by its own next word", async () => {
  const { board, shown } = start();
  board.compiled([compiled]);
  board.endpoints([{ ...compiled, message: "of an endpoint" }]);
  board.refusals([refusal("shop/a")], snapshot);
  assert.equal(board.standing().length, 3);
  const held: Problem = { ...compiled, code: "mass-withdrawal-held" };
  board.held([held]);
  board.held([{ ...held }]);
  board.compiled([]);
  assert.equal(board.standing().length, 3);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(shown.at(-1), board.standing());
  assert.equal(shown.length, 1, "what changes in one moment is shown together");
  board.held([]);
  await new Promise((resolve) => setImmediate(resolve));
  board.held([]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(shown.length, 2, "nothing is shown again because the head was read again");
});

test("however many proxies refuse a version, it is one problem on each object that made it", () => {
  const { board } = start();
  board.refusals([refusal("shop/a"), refusal("shop/b")], snapshot);
  const [problem, ...more] = board.standing();
  assert.deepEqual([problem?.code, problem?.object, more], ["rejected-by-proxy", object, []]);
  assert.match(problem?.message ?? "", /refuse route cart.*: not this$/);
  board.refusals([refusal("shop/b")], snapshot);
  assert.deepEqual(board.standing(), [problem], "the same text when the first of them goes");
});

test("what the snapshot in force does not hold is nobody's problem any more", () => {
  const { board } = start();
  board.refusals([refusal("shop/a", "v-old")], snapshot);
  board.refusals([refusal("shop/a")], undefined);
  assert.deepEqual(board.standing(), []);
});
