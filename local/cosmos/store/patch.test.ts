import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Json, JsonObject } from "./json.ts";
import { applyPatch, parsePatch } from "./patch.ts";

const document = { id: "a", n: 1, text: "t", list: [1, 2, 3], deep: { list: [{ x: 1 }], "a/b": 0 } };

function patched(...operations: readonly JsonObject[]): JsonObject {
  return applyPatch(document, parsePatch(operations).operations);
}

function changed(operation: JsonObject, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], patched(operation));
}

describe("applyPatch()", () => {
  it("changes objects and arrays as each operation says", () => {
    const cases: readonly (readonly [JsonObject, readonly (string | number)[], Json])[] = [
      [{ op: "add", path: "/new", value: 1 }, ["new"], 1],
      [{ op: "add", path: "/n", value: 2 }, ["n"], 2],
      [{ op: "add", path: "/list/1", value: 9 }, ["list"], [1, 9, 2, 3]],
      [{ op: "add", path: "/list/3", value: 9 }, ["list"], [1, 2, 3, 9]],
      [{ op: "add", path: "/list/-", value: 9 }, ["list"], [1, 2, 3, 9]],
      [{ op: "set", path: "/list/1", value: 9 }, ["list"], [1, 9, 3]],
      [{ op: "set", path: "/list/-", value: 9 }, ["list"], [1, 2, 3, 9]],
      [{ op: "replace", path: "/list/0", value: 9 }, ["list"], [9, 2, 3]],
      [{ op: "remove", path: "/list/0" }, ["list"], [2, 3]],
      [{ op: "incr", path: "/n", value: -2 }, ["n"], -1],
      [{ op: "incr", path: "/made", value: 2 }, ["made"], 2],
      [{ op: "incr", path: "/deep/list/0/x", value: 1 }, ["deep", "list", 0, "x"], 2],
      [{ op: "set", path: "/deep/a~1b", value: 1 }, ["deep", "a/b"], 1],
    ];
    for (const [operation, path, expected] of cases) {
      assert.deepEqual(changed(operation, path), expected, JSON.stringify(operation));
    }
    assert.equal("n" in patched({ op: "remove", path: "/n" }), false);
  });

  it("refuses what does not fit the document", () => {
    const misfits: readonly JsonObject[] = [
      { op: "replace", path: "/missing", value: 1 },
      { op: "remove", path: "/missing" },
      { op: "set", path: "/missing/below", value: 1 },
      { op: "set", path: "/text/below", value: 1 },
      { op: "incr", path: "/text", value: 1 },
      { op: "set", path: "/list/7", value: 1 },
      { op: "replace", path: "/list/-", value: 1 },
      { op: "replace", path: "/list/3", value: 1 },
      { op: "set", path: "/id", value: "b" },
      { op: "set", path: "/_etag", value: "b" },
      { op: "set", path: "no-slash", value: 1 },
      { op: "set", path: "/n" },
      { op: "incr", path: "/n", value: "1" },
      { op: "move", path: "/n", from: "/m" },
    ];
    for (const operation of misfits)
      assert.throws(() => patched(operation), { status: 400 }, JSON.stringify(operation));
    const operation = { op: "incr", path: "/n", value: 1 };
    assert.equal(patched(...Array.from({ length: 10 }, () => operation))["n"], 11);
    assert.throws(() => patched(...Array.from({ length: 11 }, () => operation)), { status: 400 });
  });

  it("leaves the document as it was", () => {
    const before = structuredClone(document);
    patched({ op: "remove", path: "/deep/list/0" }, { op: "incr", path: "/n", value: 1 });
    assert.deepEqual(document, before);
  });
});
