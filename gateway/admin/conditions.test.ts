import assert from "node:assert/strict";
import { test } from "node:test";
import { autonomousCondition, staleCondition } from "./conditions.ts";

test("the head that is not read in time is a condition that says since when", () => {
  const limit = 15_000;
  assert.equal(staleCondition({ last: 100_000, now: 115_000, limit }).status, "False");
  assert.deepEqual(staleCondition({ last: 100_000, now: 120_000, limit }), {
    type: "Stale",
    status: "True",
    message: "the head was read last 20 s ago: what is known of it stays in force",
  });
  assert.match(staleCondition({ last: 0, now: 120_000, limit }).message, /read never/);
});

test("autonomous says since when, and whether anything is compiled here", () => {
  const note = { mode: "autonomous", since: "2026-01-01T00:00:00.000Z", floor: undefined } as const;
  assert.equal(autonomousCondition(undefined, false).status, "False");
  assert.equal(autonomousCondition({ ...note, mode: "following" }, true).status, "False");
  assert.match(autonomousCondition(note, true).message, /since 2026.*compiled here/);
  assert.match(autonomousCondition(note, false).message, /compiled last/);
});
