import assert from "node:assert/strict";
import { test } from "node:test";
import { createSharedClock } from "./shared-clock.ts";

test("createSharedClock() stands still for a moment, never goes back, and is right for who was told to come", () => {
  let real = 100;
  const time = createSharedClock({ monotonic: () => real });
  assert.equal(time.now(), 100);
  real = 119;
  assert.equal(time.now(), 100);
  assert.equal(time.move(), 119);
  real = 138;
  assert.equal(time.now(), 119);
  real = 139;
  assert.equal(time.now(), 139);
});
