import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../test/support/manual-clock.ts";
import { createPacedWork } from "./paced-work.ts";

test("work runs one at a time, and tells when it may run again", async () => {
  const clock = createManualClock(0);
  let begun = 0;
  let due = 0;
  let finish = Promise.withResolvers<void>();
  const paced = createPacedWork({
    clock,
    distance: 100,
    work: () => {
      begun++;
      return finish.promise;
    },
    due: () => due++,
  });
  paced.ask();
  paced.ask();
  assert.equal(begun, 1);
  finish.resolve();
  await paced.idle();
  assert.equal(due, 1);
  finish = Promise.withResolvers();
  paced.ask();
  paced.ask();
  assert.equal(begun, 1, "not so soon");
  clock.pass(100);
  assert.equal(due, 2);
  paced.ask();
  assert.equal(begun, 2);
  finish.resolve();
  await paced.idle();
});
