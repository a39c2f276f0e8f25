import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { humanDuration } from "./human-duration.ts";
import { compileJsonPath } from "./json-path.ts";

describe("humanDuration()", () => {
  it("is what kubectl prints", () => {
    const second = 1000;
    const minute = 60 * second;
    const hour = 60 * minute;
    const day = 24 * hour;
    const cases: readonly (readonly [number, string])[] = [
      [0, "0s"],
      [119 * second, "119s"],
      [2 * minute, "2m"],
      [150 * second, "2m30s"],
      [10 * minute + 5 * second, "10m"],
      [179 * minute, "179m"],
      [3 * hour + 5 * minute, "3h5m"],
      [47 * hour, "47h"],
      [2 * day + 3 * hour, "2d3h"],
      [9 * day, "9d"],
      [800 * day, "2y70d"],
      [4000 * day, "10y"],
      [-5 * second, "<invalid>"],
    ];
    for (const [age, text] of cases) assert.equal(humanDuration(age), text);
  });
});

describe("compileJsonPath()", () => {
  const value = {
    spec: {
      items: [
        { name: "a", n: 1 },
        { name: "b", n: 2 },
      ],
      "a.b/c": 5,
    },
    status: {
      conditions: [
        { type: "Ready", status: "True" },
        { type: "Other", status: "False" },
      ],
    },
  };
  const read = (path: string): readonly unknown[] => compileJsonPath(path)(value);

  it("follows keys, indexes, stars and filters", () => {
    assert.deepEqual(read(".spec.items[*].name"), ["a", "b"]);
    assert.deepEqual(read(".spec.items[1].n"), [2]);
    assert.deepEqual(read("{.spec.items[-1].n}"), [2]);
    assert.deepEqual(read(".spec['a.b/c']"), [5]);
    assert.deepEqual(read(".spec.a\\.b/c"), [5]);
    assert.deepEqual(read('.status.conditions[?(@.type=="Ready")].status'), ["True"]);
    assert.deepEqual(read(".spec.none.deep"), []);
  });

  it("refuses what it does not understand", () => {
    assert.throws(() => compileJsonPath(".spec[("), /not a JSONPath/);
  });
});
