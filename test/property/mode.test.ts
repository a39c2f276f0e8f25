import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { beginMode, type ModeInput, type ModeState, nextModeTime, stepMode } from "../../gateway/autonomous/mode.ts";
import type { ContentHash } from "../../shared/core/brand.ts";
import { cases } from "./clusters.ts";

const settings = { patience: 15, recovery: 30 };

const root = fc.integer({ min: 0, max: 3 }).map((number) => `s${number}` as ContentHash);
const position = fc.record({ epoch: fc.integer({ min: 1, max: 3 }), seq: fc.integer({ min: 1, max: 4 }) });
const input: fc.Arbitrary<ModeInput> = fc.oneof(
  fc.record({ kind: fc.constant("changed" as const), root }),
  fc.record({ kind: fc.constant("publishing" as const), root, position }),
  fc.record({ kind: fc.constant("read" as const), state: root, applied: position }),
  fc.record({ kind: fc.constant("time" as const) }),
);
const history = fc.array(fc.record({ after: fc.integer({ min: 0, max: 20 }), input }), { maxLength: 60 });

/** Each state of a history, with its time. */
function statesOf(steps: readonly { readonly after: number; readonly input: ModeInput }[]) {
  let now = 0;
  let state = beginMode("s0" as ContentHash, now);
  return steps.map((step) => {
    now += step.after;
    const before: ModeState = state;
    state = stepMode(state, step.input, { now, settings });
    return { now, before, state };
  });
}

test("the mode begins only when an own change waited too long, and ends only when all came back in time for long", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const states = statesOf(steps);
      for (const [index, { now, before, state }] of states.entries()) {
        if (before.mode === state.mode) continue;
        if (state.mode === "autonomous") {
          assert.ok(state.waiting !== undefined && now - state.waiting.since >= settings.patience);
          assert.ok(state.floor !== undefined);
          continue;
        }
        assert.equal(state.waiting, undefined);
        const recent = states.slice(0, index + 1).filter((other) => now - other.now < settings.recovery);
        for (const { now: then, state: other } of recent)
          assert.ok(other.waiting === undefined || then - other.waiting.since < settings.patience);
      }
    }),
    cases,
  );
});

test("a head of the own state settles everything, and time alone changes the mode when it is said to", () => {
  fc.assert(
    fc.property(history, position, (steps, applied) => {
      const { now, state } = statesOf(steps).at(-1) ?? { now: 0, state: beginMode("s0" as ContentHash, 0) };
      const settled = stepMode(state, { kind: "read", state: state.own, applied }, { now, settings });
      assert.equal(settled.waiting, undefined);
      const at = nextModeTime(state, settings);
      if (at === Number.POSITIVE_INFINITY) return;
      const before = Math.max(now, at - 1);
      const quiet = stepMode(state, { kind: "time" }, { now: before, settings });
      if (before < at) assert.equal(quiet.mode, state.mode);
      const then = stepMode(state, { kind: "time" }, { now: Math.max(now, at), settings });
      const left = state.mode === "autonomous" && state.waiting === undefined;
      if (state.mode === "following" || left) assert.notEqual(then.mode, state.mode);
    }),
    cases,
  );
});
