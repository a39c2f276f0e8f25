import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "./pause.ts";

test("pause() ends after its time, or at once when aborted", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { signal } = new AbortController();
  let over = false;
  const waiting = pause(50, signal).then(() => (over = true));
  t.mock.timers.tick(49);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(over, false);
  t.mock.timers.tick(1);
  await waiting;
  const stop = new AbortController();
  const aborted = pause(1_000_000, stop.signal);
  stop.abort();
  await aborted;
  await pause(1_000_000, stop.signal);
});
