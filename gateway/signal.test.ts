import assert from "node:assert/strict";
import { test } from "node:test";
import { createSignal } from "./signal.ts";

const never = new AbortController().signal;
const long = 1_000_000;

test("a signal wakes who waits, and who comes after it, once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const signal = createSignal();
  const waiting = signal.wait(long, never);
  signal.raise();
  await waiting;
  signal.raise();
  signal.raise();
  await signal.wait(long, never);
  let over = false;
  const third = signal.wait(long, never).then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(over, false);
  t.mock.timers.tick(long);
  await third;
});

test("a signal's wait ends at an abort, and at once without time", async () => {
  const signal = createSignal();
  const stop = new AbortController();
  const waiting = signal.wait(long, stop.signal);
  stop.abort();
  await waiting;
  await signal.wait(long, stop.signal);
  await signal.wait(0, never);
});
