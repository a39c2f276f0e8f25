import assert from "node:assert/strict";
import { test } from "node:test";
import { mutations } from "./mutation.ts";
import { simulate } from "./simulate.ts";

/** A planted bug shows within so many histories. */
const enough = 150;

for (const [name, mutation] of Object.entries(mutations)) {
  test(`the checker finds a planted bug: ${name}`, async (t) => {
    for (let seed = 1; seed <= enough; seed++) {
      const { violations } = await simulate(seed, { mutation });
      if (violations.length === 0) continue;
      t.diagnostic(`history ${seed}: ${violations[0]}`);
      return;
    }
    assert.fail(`${enough} histories showed nothing`);
  });
}
