import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compareObjectKeys, objectKeyText } from "./object.ts";

const part = fc.constantFrom("", "a", "b", "a-b", "a.b", "a1", "ab");
const key = fc.record({ group: part, kind: part, namespace: part, name: part });

test("keys stand in the order of their texts", () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const [left, right] = [objectKeyText(a), objectKeyText(b)];
      assert.equal(compareObjectKeys(a, b), left < right ? -1 : left > right ? 1 : 0);
    }),
  );
});
