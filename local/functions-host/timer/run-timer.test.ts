import assert from "node:assert/strict";
import { test } from "node:test";
import { runTimer, type ScheduleStatus, type Timer } from "./run-timer.ts";
import { parseSchedule } from "./schedule.ts";

interface Firing {
  readonly at: number;
  readonly isPastDue: boolean;
}

/** Runs a minutely timer on a clock of its own until it has fired so often. */
async function fireTimes(count: number, changes: Partial<Timer>, start = 30_000): Promise<Firing[]> {
  const stop = new AbortController();
  const firings: Firing[] = [];
  let now = start;
  await runTimer({
    schedule: parseSchedule("0 * * * * *"),
    runOnStartup: false,
    status: undefined,
    signal: stop.signal,
    now: () => now,
    async waitUntil(time) {
      now = time;
    },
    async fire(_, isPastDue) {
      firings.push({ at: now, isPastDue });
      now += 1000;
      if (firings.length === count) stop.abort();
    },
    ...changes,
  });
  return firings;
}

function statusOf(found: ScheduleStatus | undefined): NonNullable<Timer["status"]> & { written: ScheduleStatus[] } {
  const written: ScheduleStatus[] = [];
  return {
    written,
    read: async () => found,
    async write(status) {
      written.push(status);
    },
  };
}

test("runTimer() fires at the schedule's times", async () => {
  assert.deepEqual(await fireTimes(2, {}), [
    { at: 60_000, isPastDue: false },
    { at: 120_000, isPastDue: false },
  ]);
});

test("runTimer() fires at the start when the app says so", async () => {
  assert.deepEqual(await fireTimes(2, { runOnStartup: true }), [
    { at: 30_000, isPastDue: false },
    { at: 60_000, isPastDue: false },
  ]);
});

test("runTimer() fires as past due what went by while no host ran", async () => {
  const status = statusOf({ last: 0, next: 20_000, lastUpdated: 0 });
  const firings = await fireTimes(2, { status });
  assert.deepEqual(firings, [
    { at: 30_000, isPastDue: true },
    { at: 60_000, isPastDue: false },
  ]);
  assert.deepEqual(status.written[0], { last: 30_000, next: 60_000, lastUpdated: 31_000 });
});

test("runTimer() is not past due at its very first start, and remembers what it waits for", async () => {
  const status = statusOf(undefined);
  assert.deepEqual(await fireTimes(1, { status }), [{ at: 60_000, isPastDue: false }]);
  assert.deepEqual(status.written[0], { last: 0, next: 60_000, lastUpdated: 30_000 });
});

test("runTimer() skips the times that fall into a running firing", async () => {
  let now = 30_000;
  const stop = new AbortController();
  const starts: number[] = [];
  await fireTimes(0, {
    signal: stop.signal,
    now: () => now,
    async waitUntil(time) {
      now = time;
    },
    async fire() {
      starts.push(now);
      now += 150_000;
      if (starts.length === 2) stop.abort();
    },
  });
  assert.deepEqual(starts, [60_000, 240_000]);
});
