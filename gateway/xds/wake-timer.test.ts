import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createWakeTimers } from "./wake-timer.ts";

/** A clock that the test moves, and what is set on it. */
function createFixture() {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly ring: () => void }>();
  const create = createWakeTimers({
    now: () => now,
    monotonic: () => now,
    after(milliseconds, ring) {
      const timer = { at: now + milliseconds, ring };
      timers.add(timer);
      return { [Symbol.dispose]: () => void timers.delete(timer) };
    },
  });
  const rung: string[] = [];
  return {
    timers,
    take: () => rung.splice(0),
    sleeper(name: string) {
      const sleeper: { wakeAt: number | undefined } = { wakeAt: undefined };
      const timer = create(
        () => sleeper.wakeAt,
        () => {
          rung.push(name);
          sleeper.wakeAt = undefined;
        },
      );
      return Object.assign(timer, {
        until(at: number | undefined) {
          sleeper.wakeAt = at;
          timer.arm();
        },
      });
    },
    pass(milliseconds: number) {
      now += milliseconds;
      for (const timer of timers) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.ring();
      }
    },
  };
}

describe("timers that wake streams", () => {
  it("are one for all that sleep equally long", () => {
    const fixture = createFixture();
    for (const name of ["a", "b"]) fixture.sleeper(name).until(100);
    assert.equal(fixture.timers.size, 1);
    fixture.pass(99);
    assert.deepEqual(fixture.take(), []);
    fixture.pass(1);
    assert.deepEqual(fixture.take(), ["a", "b"]);
    assert.equal(fixture.timers.size, 0);
  });

  it("are set again when they ring too early, and not when nobody sleeps any more", () => {
    const fixture = createFixture();
    const [later, never] = [fixture.sleeper("later"), fixture.sleeper("never")];
    for (const one of [later, never]) one.until(100);
    later.until(300);
    never.until(undefined);
    fixture.pass(100);
    assert.deepEqual(fixture.take(), []);
    fixture.pass(200);
    assert.deepEqual(fixture.take(), ["later"]);
    assert.equal(fixture.timers.size, 0);
  });

  it("ring earlier when that is asked for", () => {
    const fixture = createFixture();
    const sleeper = fixture.sleeper("a");
    sleeper.until(100);
    sleeper.until(50);
    assert.equal(fixture.timers.size, 1);
    fixture.pass(50);
    assert.deepEqual(fixture.take(), ["a"]);
  });

  it("are gone with the last sleeper, and ring for the others", () => {
    const fixture = createFixture();
    const [a, b] = [fixture.sleeper("a"), fixture.sleeper("b")];
    for (const one of [a, b]) one.until(100);
    a[Symbol.dispose]();
    fixture.pass(100);
    assert.deepEqual(fixture.take(), ["b"]);
    b.until(200);
    b[Symbol.dispose]();
    assert.equal(fixture.timers.size, 0);
  });
});
