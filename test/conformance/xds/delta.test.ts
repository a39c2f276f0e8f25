import { suite, test } from "node:test";
import { conformanceCases } from "./cases.ts";
import { startXdsHarness } from "./harness.ts";

suite("xDS conformance, delta", () => {
  for (const { shortName, description, test: run } of conformanceCases) {
    test(`${shortName}: ${description}`, async () => {
      await using harness = await startXdsHarness();
      await run(harness);
    });
  }
});
