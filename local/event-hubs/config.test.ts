import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "./config.ts";

const config = (entities: readonly unknown[]): string =>
  JSON.stringify({
    UserConfig: {
      NamespaceConfig: [{ Type: "EventHub", Name: "emulatorNs1", Entities: entities }],
      LoggingConfig: { Type: "File" },
    },
  });

test("parseConfig() reads the official emulator's file, partition counts as text included", () => {
  const text = config([
    { Name: "eh1", PartitionCount: "2", ConsumerGroups: [{ Name: "cg1" }] },
    { Name: "eh2", PartitionCount: 1 },
  ]);
  assert.deepEqual(parseConfig(text), [
    { name: "eh1", partitionCount: 2, consumerGroups: ["cg1"] },
    { name: "eh2", partitionCount: 1, consumerGroups: [] },
  ]);
});

test("parseConfig() names what is wrong", () => {
  assert.throws(() => parseConfig("{"), /not JSON/);
  assert.throws(() => parseConfig("{}"), /UserConfig/);
  assert.throws(() => parseConfig(config([{ Name: "eh1", PartitionCount: 33 }])), /Entities\.0\.PartitionCount/);
});
