import assert from "node:assert/strict";
import { test } from "node:test";
import { type Aged, compareAge } from "./age.ts";

const aged = (name: string, creationTimestamp?: string): Aged => ({
  key: { group: "", kind: "Service", namespace: "shop", name },
  creationTimestamp,
});

test("compareAge() puts the oldest first, then the first by name; no time at all is oldest", () => {
  const sorted = [
    aged("b", "2026-01-02T00:00:00Z"),
    aged("d", "2026-01-01T00:00:00Z"),
    aged("a", "2026-01-02T00:00:00Z"),
    aged("c"),
  ].toSorted(compareAge);
  assert.deepEqual(
    sorted.map(({ key }) => key.name),
    ["c", "d", "a", "b"],
  );
});
