import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { simulate } from "./simulate.ts";

/** How many histories; `npm run test:nightly` asks for more. */
const count = Number(process.env["WEFT_HISTORIES"] ?? 500);
/** A single one, told in full: the way to look at one that failed. */
const only = process.env["WEFT_HISTORY"];
/** In one process: what the killed programs of a history waited for is never collected. */
const together = 500;

if (only !== undefined) {
  test(`history ${only}`, async () => {
    const outcome = await simulate(Number(only), { keepLines: true });
    process.stdout.write(`${outcome.lines.join("\n")}\n`);
    assert.deepEqual(outcome.violations, []);
  });
} else {
  describe("simulation", { concurrency: availableParallelism() }, () => {
    for (let first = 1; first <= count; first += together) {
      const last = Math.min(count, first + together - 1);
      test(`histories ${first} to ${last} keep every promise`, async () => {
        const program = join(import.meta.dirname, "run-histories.ts");
        const { stdout } = await promisify(execFile)(process.execPath, [program, String(first), String(last)]);
        assert.equal(stdout, "");
      });
    }
  });
}
