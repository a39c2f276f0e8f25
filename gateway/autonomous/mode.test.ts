import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContentHash } from "../../shared/core/brand.ts";
import { beginMode, type ModeInput, type ModeState, nextModeTime, stepMode } from "./mode.ts";
import { readModeNote, writeModeNote } from "./mode-note.ts";

const settings = { patience: 15_000, recovery: 30_000 };
const state = (name: string): ContentHash => name as ContentHash;
const at = (epoch: number, seq: number) => ({ epoch, seq });
const changed = (root: string): ModeInput => ({ kind: "changed", root: state(root) });
const sent = (root: string, epoch: number, seq: number): ModeInput => ({
  kind: "publishing",
  root: state(root),
  position: at(epoch, seq),
});
const read = (root: string, epoch: number, seq: number): ModeInput => ({
  kind: "read",
  state: state(root),
  applied: at(epoch, seq),
});
const time: ModeInput = { kind: "time" };

/** The modes after each input, and the last state. */
function run(begin: ModeState, ...inputs: readonly (readonly [now: number, input: ModeInput])[]) {
  let now = begin;
  const modes = inputs.map(([when, input]) => {
    now = stepMode(now, input, { now: when, settings });
    return now.mode;
  });
  return { modes, state: now };
}

const settled = run(beginMode(state("a"), 0), [0, read("a", 1, 5)]).state;

test("with nothing of its own unsettled, a cloud that is away changes nothing", () => {
  const { modes } = run(settled, [100_000, time], [10_000_000, time]);
  assert.deepEqual(modes, ["following", "following"]);
  assert.equal(nextModeTime(settled, settings), Number.POSITIVE_INFINITY);
});

test("a change that is not in the head in time makes it autonomous; the floor is where it was sent", () => {
  const { modes, state: last } = run(
    settled,
    [1000, changed("b")],
    [1001, sent("b", 1, 6)],
    [2000, read("a", 1, 5)],
    [15_999, time],
    [16_000, time],
  );
  assert.deepEqual(modes, ["following", "following", "following", "following", "autonomous"]);
  assert.deepEqual(last.floor, at(1, 6));
});

test("a change that could not be sent is covered by a list in a later epoch, and by the change once it is sent", () => {
  const { state: unsent } = run(settled, [1000, changed("b")], [16_000, time]);
  assert.deepEqual(unsent.floor, at(2, 0));
  assert.deepEqual(run(unsent, [17_000, changed("c")]).state.floor, at(2, 0));
  assert.deepEqual(run(unsent, [17_000, sent("b", 4, 9)]).state.floor, at(4, 9));
});

test("changes that keep coming and keep arriving are no reason", () => {
  const inputs: (readonly [number, ModeInput])[] = [];
  for (let round = 0; round < 60; round++) {
    const now = round * 1000;
    inputs.push([now, changed(`s${round}`)], [now, sent(`s${round}`, 1, 6 + round)]);
    inputs.push([now + 900, read(`s${round - 1}`, 1, 5 + round)]);
  }
  assert.deepEqual(new Set(run(settled, ...inputs).modes), new Set(["following"]));
});

test("a change that is taken back is settled", () => {
  assert.equal(run(settled, [0, changed("b")], [14_000, changed("a")], [60_000, time]).state.mode, "following");
});

const autonomous = run(settled, [0, changed("b")], [1, sent("b", 1, 6)], [15_000, time]).state;

test("it is left when everything came back and stayed so; the floor stays, for replicas whose read lags", () => {
  const { modes, state: last } = run(
    autonomous,
    [20_000, read("b", 3, 9)],
    [49_999, time],
    [50_000, time],
    [60_000, changed("c")],
  );
  assert.deepEqual(modes, ["autonomous", "autonomous", "following", "following"]);
  assert.deepEqual(last.floor, at(3, 9));
});

test("a change that waits again for long starts the recovery anew; one that arrives in time does not", () => {
  const back = run(autonomous, [20_000, read("b", 1, 6)]).state;
  const quick = run(back, [40_000, changed("c")], [40_001, sent("c", 1, 7)], [41_000, read("c", 1, 7)], [50_000, time]);
  assert.equal(quick.state.mode, "following");
  const slow = run(back, [30_000, changed("c")], [45_000, time], [50_000, time], [51_000, read("c", 2, 1)]);
  assert.deepEqual(slow.modes, ["autonomous", "autonomous", "autonomous", "autonomous"]);
  assert.equal(nextModeTime(slow.state, settings), 81_000);
});

test("a publisher that takes over goes on with the mode that it finds, and gives its own state time", () => {
  const over = beginMode(state("x"), 1000, { mode: "autonomous", floor: at(4, 2) });
  assert.deepEqual([over.mode, over.floor], ["autonomous", at(4, 2)]);
  const { state: waits } = run(over, [2000, time]);
  assert.deepEqual(waits.floor, at(4, 2));
  assert.equal(run(beginMode(state("x"), 1000), [15_999, time]).state.mode, "following");
  assert.equal(run(beginMode(state("x"), 1000), [16_000, time]).state.mode, "autonomous");
});

test("the mode is told in words that are read back; others are nobody's", () => {
  const note = { mode: "autonomous", since: "2026-11-22T20:00:00.000Z", floor: at(2, 7) } as const;
  assert.deepEqual(readModeNote(writeModeNote(note)), note);
  for (const text of [undefined, "", "[]", "null", '{"mode":"else"}']) assert.equal(readModeNote(text), undefined);
  assert.equal(readModeNote('{"mode":"following","since":"s","floor":{"epoch":"1"}}')?.floor, undefined);
});
