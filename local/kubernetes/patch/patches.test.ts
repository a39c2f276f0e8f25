import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ApiError } from "../api-error.ts";
import { coreSchema } from "../schema/schema.ts";
import { jsonPatch } from "./json-patch.ts";
import { mergePatch } from "./merge-patch.ts";
import { strategicMerge } from "./strategic-merge.ts";

const unfit = (error: unknown): boolean => error instanceof ApiError && error.status.code === 422;

describe("jsonPatch()", () => {
  const document = { a: { b: [1, 2, 3] }, "x/y": { "~": 1 } };

  it("adds, removes, replaces, moves, copies and tests", () => {
    const patched = jsonPatch(document, [
      { op: "test", path: "/a/b/0", value: 1 },
      { op: "add", path: "/a/b/1", value: 9 },
      { op: "add", path: "/a/b/-", value: 4 },
      { op: "remove", path: "/a/b/0" },
      { op: "replace", path: "/x~1y/~0", value: 2 },
      { op: "copy", from: "/a/b", path: "/copy" },
      { op: "move", from: "/a/b/0", path: "/moved" },
    ]);
    assert.deepEqual(patched, { a: { b: [2, 3, 4] }, "x/y": { "~": 2 }, copy: [9, 2, 3, 4], moved: 9 });
    assert.deepEqual(document, { a: { b: [1, 2, 3] }, "x/y": { "~": 1 } });
  });

  it("refuses what does not fit the document", () => {
    for (const operation of [
      { op: "remove", path: "/none" },
      { op: "replace", path: "/a/none", value: 1 },
      { op: "add", path: "/none/deep", value: 1 },
      { op: "add", path: "/a/b/9", value: 1 },
      { op: "test", path: "/a/b/0", value: 2 },
    ]) {
      assert.throws(() => jsonPatch(document, [operation]), unfit, JSON.stringify(operation));
    }
    assert.throws(() => jsonPatch(document, [{ op: "turn", path: "/a" }]), unfit);
    assert.throws(() => jsonPatch(document, { op: "remove" }), /cannot unmarshal object/);
  });
});

describe("mergePatch()", () => {
  it("merges maps, replaces lists, and removes by null", () => {
    const merged = mergePatch({ a: { b: 1, c: 2 }, list: [1, 2] }, { a: { b: null, d: { e: null, f: 1 } }, list: [3] });
    assert.deepEqual(merged, { a: { c: 2, d: { f: 1 } }, list: [3] });
  });
});

describe("strategicMerge()", () => {
  const service = coreSchema("", "v1", "Service");
  const pod = coreSchema("", "v1", "Pod");

  it("merges lists by their key", () => {
    const current = {
      spec: {
        ports: [
          { port: 80, name: "http" },
          { port: 81, name: "admin" },
        ],
      },
    };
    const patch = { spec: { ports: [{ port: 81, $patch: "delete" }, { port: 80, targetPort: 9 }, { port: 82 }] } };
    assert.deepEqual(strategicMerge(current, patch, service), {
      spec: { ports: [{ port: 80, name: "http", targetPort: 9 }, { port: 82 }] },
    });
  });

  it("follows the directives of a patch", () => {
    const current = {
      metadata: { finalizers: ["a", "b"] },
      spec: {
        containers: [{ name: "x" }, { name: "y" }],
        nodeSelector: { a: "1" },
        volumes: [{ name: "v", emptyDir: {} }],
      },
    };
    const patch = {
      metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] },
      spec: {
        "$setElementOrder/containers": [{ name: "y" }, { name: "x" }],
        nodeSelector: { $patch: "replace", b: "2" },
        volumes: [{ name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "c" } }],
      },
    };
    assert.deepEqual(strategicMerge(current, patch, pod), {
      metadata: { finalizers: ["b"] },
      spec: {
        containers: [{ name: "y" }, { name: "x" }],
        nodeSelector: { b: "2" },
        volumes: [{ name: "v", configMap: { name: "c" } }],
      },
    });
  });
});
