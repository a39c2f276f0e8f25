import assert from "node:assert/strict";
import { test } from "node:test";
import { type Problem, sortProblems } from "./problem.ts";

const problem = (name: string, code: Problem["code"], message: string): Problem => ({
  code,
  object: { group: "", kind: "Service", namespace: "shop", name },
  message,
});

test("sortProblems() sorts by object, code and message, and drops repeats", () => {
  const sorted = sortProblems([
    problem("b", "address-conflict", "1"),
    problem("a", "protocol-conflict", "2"),
    problem("a", "protocol-conflict", "1"),
    problem("b", "address-conflict", "1"),
    problem("a", "address-conflict", "3"),
  ]);
  assert.deepEqual(
    sorted.map(({ object, code, message }) => `${object.name} ${code} ${message}`),
    ["a address-conflict 3", "a protocol-conflict 1", "a protocol-conflict 2", "b address-conflict 1"],
  );
});
