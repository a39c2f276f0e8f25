import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fittingWeights } from "./weights.ts";

test("fittingWeights() leaves alone what fits", () => {
  assert.deepEqual(fittingWeights([0, 70, 30]), [0, 70, 30]);
  assert.deepEqual(fittingWeights([0xffff_fffe, 1]), [0xffff_fffe, 1]);
});

test("fittingWeights() keeps proportions and whatever is above 0 within 32 bits", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 1, maxLength: 50 }), (weights) => {
      const fitting = fittingWeights(weights);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const fittingTotal = fitting.reduce((sum, weight) => sum + weight, 0);
      assert.ok(fittingTotal <= 0xffff_ffff);
      for (const [position, weight] of weights.entries()) {
        const fitted = fitting[position] ?? Number.NaN;
        assert.equal(fitted > 0, weight > 0);
        if (total > 0) assert.ok(Math.abs(fitted / fittingTotal - weight / total) < 1e-6);
      }
    }),
  );
});
