import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import type { MeshObject } from "../object.ts";
import { readObject, readObjects } from "./read-object.ts";

const schema = z.object({ spec: z.object({ ports: z.array(z.number()) }) });

const object = (body: MeshObject["body"], name = "x"): MeshObject => ({
  key: { group: "", kind: "Thing", namespace: "shop", name },
  uid: "1",
  body,
});

const faultOf = (body: MeshObject["body"]): unknown => {
  const read = readObject(object(body), schema);
  return "problem" in read ? [read.problem.code, read.problem.message] : read.value;
};

test("readObject() names the first field that does not fit", () => {
  assert.deepEqual(faultOf({ spec: { ports: [1] } }), { spec: { ports: [1] } });
  const [code, message] = faultOf({ spec: { ports: [1, "x"] } }) as readonly string[];
  assert.equal(code, "object-unreadable");
  assert.match(message ?? "", /^spec\.ports\[1\]: .+/);
});

test("readObject() gives the reason of a refused marker", () => {
  assert.deepEqual(faultOf({ refused: { bodyHash: "x", reason: "larger than 900 KB" } }), [
    "object-refused",
    "larger than 900 KB",
  ]);
  assert.deepEqual(faultOf({ refused: "larger than 900 KB" }), ["object-refused", "larger than 900 KB"]);
  assert.deepEqual(faultOf({ refused: {} }), ["object-refused", "the object was refused"]);
});

test("readObjects() keeps what can be read beside what cannot", () => {
  const { read, problems } = readObjects([object({}, "a"), object({ spec: { ports: [] } }, "b")], schema);
  assert.deepEqual(
    read.map(({ key }) => key.name),
    ["b"],
  );
  assert.deepEqual(
    problems.map((problem) => problem.object.name),
    ["a"],
  );
});
