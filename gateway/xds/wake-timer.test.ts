import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createManualClock } from "../../test/support/manual-clock.ts";
import { createWakeTimers } from "./wake-timer.ts";

/** A clock that the test moves, and what is set on it. */
function createFixture() {
  const clock = createManualClock(0);
  const create = createWakeTimers(clock);
  const rung: string[] = [];
  return {
    clock,
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
  };
}

describe("timers that wake streams", () => {
  it("are one for all that sleep equally long", () => {
    const fixture = createFixture();
    for (const name of ["a", "b"]) fixture.sleeper(name).until(100);
    assert.equal(fixture.clock.waiting(), 1);
    fixture.clock.pass(99);
    assert.deepEqual(fixture.take(), []);
    fixture.clock.pass(1);
    assert.deepEqual(fixture.take(), ["a", "b"]);
    assert.equal(fixture.clock.waiting(), 0);
  });

  it("are set again when they ring too early, and not when nobody sleeps any more", () => {
    const fixture = createFixture();
    const [later, never] = [fixture.sleeper("later"), fixture.sleeper("never")];
    for (const one of [later, never]) one.until(100);
    later.until(300);
    never.until(undefined);
    fixture.clock.pass(100);
    assert.deepEqual(fixture.take(), []);
    fixture.clock.pass(200);
    assert.deepEqual(fixture.take(), ["later"]);
    assert.equal(fixture.clock.waiting(), 0);
  });

  it("ring earlier when that is asked for", () => {
    const fixture = createFixture();
    const sleeper = fixture.sleeper("a");
    sleeper.until(100);
    sleeper.until(50);
    assert.equal(fixture.clock.waiting(), 1);
    fixture.clock.pass(50);
    assert.deepEqual(fixture.take(), ["a"]);
  });

  it("are gone with the last sleeper, and ring for the others", () => {
    const fixture = createFixture();
    const [a, b] = [fixture.sleeper("a"), fixture.sleeper("b")];
    for (const one of [a, b]) one.until(100);
    a[Symbol.dispose]();
    fixture.clock.pass(100);
    assert.deepEqual(fixture.take(), ["b"]);
    b.until(200);
    b[Symbol.dispose]();
    assert.equal(fixture.clock.waiting(), 0);
  });
});
