import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { findTestFiles, needsEnvoy, testPhases } from "./test-suites.ts";

const files = findTestFiles(resolve(import.meta.dirname, ".."));

test("`all` runs every test file once, and what needs Envoy one at a time", () => {
  const phases = testPhases("all", files);
  assert.deepEqual(phases.flatMap(({ groups }) => groups.flat()).sort(), files);
  for (const { groups, concurrency } of phases) if (groups.flat().some(needsEnvoy)) assert.equal(concurrency, 1);
});

test("`quick` is a part of `all`, and needs no Envoy", () => {
  const quick = testPhases("quick", files).flatMap(({ groups }) => groups.flat());
  assert.ok(quick.length > 0);
  assert.deepEqual(
    quick.filter((file) => needsEnvoy(file) || !files.includes(file)),
    [],
  );
});

test("`nightly` is `all` with more time for what generates its cases", () => {
  const [all, nightly] = [testPhases("all", files), testPhases("nightly", files)];
  assert.deepEqual(
    nightly.map(({ groups }) => groups),
    all.map(({ groups }) => groups),
  );
  const limitOf = (phases: typeof all): number =>
    phases.find(({ groups }) => groups.flat().includes("test/simulation/histories.test.ts"))?.timeout ?? 0;
  assert.ok(limitOf(nightly) >= 20 * limitOf(all));
});
