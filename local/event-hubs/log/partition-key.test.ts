import assert from "node:assert/strict";
import { test } from "node:test";
import { partitionOfKey } from "./partition-key.ts";

/** The SDK's own mapper is not exported by its package, so it is loaded by its path. */
const sdk = (await import(
  new URL("../../../node_modules/@azure/event-hubs/dist/esm/impl/partitionKeyToIdMapper.js", import.meta.url).href
)) as { mapPartitionKeyToId(partitionKey: string, partitionCount: number): number };

test("partitionOfKey() agrees with the SDK for keys of every length and any alphabet", () => {
  for (let length = 0; length <= 64; length += 1) {
    for (const letter of ["a", "Z", "ß", "漢", "🚀", "\u0000", "~"]) {
      for (const count of [1, 2, 3, 4, 32]) {
        const key = `${length}/${letter.repeat(length)}`.slice(length % 3);
        assert.equal(
          partitionOfKey(key, count),
          sdk.mapPartitionKeyToId(key, count),
          `${JSON.stringify(key)} of ${count}`,
        );
      }
    }
  }
});
