import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSchedule } from "./schedule.ts";

/** The next times after a start, as ISO strings without the milliseconds. */
function nextTimes(schedule: string, start: string, count: number): string[] {
  const parsed = parseSchedule(schedule);
  const times: string[] = [];
  let at: number | undefined = Date.parse(start);
  while (times.length < count) {
    at = parsed.next(at);
    if (at === undefined) break;
    times.push(new Date(at).toISOString().replace(".000Z", "Z"));
  }
  return times;
}

test("parseSchedule() reads seconds first", () => {
  assert.deepEqual(nextTimes("30 */5 * * * *", "2026-01-01T00:00:30Z", 2), [
    "2026-01-01T00:05:30Z",
    "2026-01-01T00:10:30Z",
  ]);
});

test("parseSchedule() takes five fields as second 0", () => {
  assert.deepEqual(nextTimes("0 9 * * mon-fri", "2026-01-02T09:00:00Z", 2), [
    "2026-01-05T09:00:00Z",
    "2026-01-06T09:00:00Z",
  ]);
});

test("parseSchedule() wants day of month and day of week both to fit", () => {
  assert.deepEqual(nextTimes("0 0 0 13 * fri", "2026-01-01T00:00:00Z", 2), [
    "2026-02-13T00:00:00Z",
    "2026-03-13T00:00:00Z",
  ]);
});

test("parseSchedule() reads lists, ranges with a step, and names", () => {
  assert.deepEqual(nextTimes("0,20 10-20/10 8 1 jan,jul *", "2026-01-01T08:10:00Z", 4), [
    "2026-01-01T08:10:20Z",
    "2026-01-01T08:20:00Z",
    "2026-01-01T08:20:20Z",
    "2026-07-01T08:10:00Z",
  ]);
});

test("parseSchedule() finds 29 February and never finds 30 February", () => {
  assert.deepEqual(nextTimes("0 0 0 29 2 *", "2026-01-01T00:00:00Z", 1), ["2028-02-29T00:00:00Z"]);
  assert.deepEqual(nextTimes("0 0 0 30 2 *", "2026-01-01T00:00:00Z", 1), []);
});

test("parseSchedule() takes a time span as an interval", () => {
  assert.deepEqual(nextTimes("00:00:30", "2026-01-01T00:00:00Z", 2), ["2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"]);
});

test("parseSchedule() names the field that is wrong", () => {
  assert.throws(() => parseSchedule("0 60 * * * *"), /"60" is not a minute/);
  assert.throws(() => parseSchedule("* * *"), /has 3 fields; it needs six/);
  assert.throws(() => parseSchedule("0 0 0 * * 5-1"), /day of week/);
});
