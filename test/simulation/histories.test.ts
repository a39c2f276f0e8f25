import assert from "node:assert/strict";
import { test } from "node:test";
import { type Outcome, simulate } from "./simulate.ts";

/** How many histories; `npm run test:nightly` asks for more. */
const count = Number(process.env["WEFT_HISTORIES"] ?? 500);
/** A single one, told in full: the way to look at one that failed. */
const only = process.env["WEFT_HISTORY"];
const together = 50;

if (only !== undefined) {
  test(`history ${only}`, async () => {
    const outcome = await simulate(Number(only), { keepLines: true });
    process.stdout.write(`${outcome.lines.join("\n")}\n`);
    assert.deepEqual(outcome.violations, []);
  });
} else {
  for (let first = 1; first <= count; first += together) {
    const last = Math.min(count, first + together - 1);
    test(`histories ${first} to ${last} keep every promise`, async () => {
      const failed: string[] = [];
      for (let seed = first; seed <= last; seed++) {
        const outcome = await simulate(seed);
        if (outcome.violations.length > 0) failed.push(blameOf(outcome));
      }
      assert.deepEqual(failed, []);
    });
  }
}

function blameOf({ seed, violations }: Outcome): string {
  return `${violations.join("; ")} (replay: WEFT_HISTORY=${seed} node --test test/simulation/histories.test.ts)`;
}
