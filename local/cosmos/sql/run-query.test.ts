import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Json, JsonObject } from "../store/json.ts";
import { createTestContainer } from "../store/test-container.ts";
import { evaluate } from "./evaluator.ts";
import { parseCondition, parseQuery } from "./parser.ts";
import { runQuery } from "./run-query.ts";

const documents: readonly JsonObject[] = [
  { id: "1", pk: "p", n: 1, s: "Alpha", list: [1, { k: "v", w: 1 }], o: { x: [10, 20] } },
  { id: "2", pk: "p", n: 2, s: "beta", flag: true, nothing: null },
  { id: "3", pk: "q", n: "2", s: "gamma", "odd name": 1 },
  { id: "4", pk: "q", flag: false, value: 4 },
];

function run(text: string, parameters: Readonly<Record<string, Json>> = {}): readonly Json[] {
  const container = createTestContainer();
  for (const document of documents) container.put(document);
  const items = container.data.items({ kind: "all" }, container.now);
  const query = parseQuery(text);
  const names = new Map(Object.entries(parameters));
  const results: Json[] = [];
  let continuation: string | undefined;
  do {
    const page = runQuery(query, names, { items, page: { maxItems: 2, continuation } });
    results.push(...page.results);
    continuation = page.continuation;
  } while (continuation !== undefined);
  return results;
}

function idsWhere(condition: string, parameters: Readonly<Record<string, Json>> = {}): string {
  return run(`SELECT VALUE c.id FROM c WHERE ${condition}`, parameters).map(String).join("");
}

describe("runQuery()", () => {
  it("filters with the operators", () => {
    const cases: readonly (readonly [string, string])[] = [
      ["c.n = 1", "1"],
      ["c.n = 2", "2"],
      ["c.n != 1", "23"],
      ["c.n <> 1", "23"],
      ["c.n < 2", "1"],
      ["c.n <= 2", "12"],
      ["c.n > 1", "2"],
      ["c.n >= '1'", "3"],
      ["c.s > 'a'", "23"],
      ["c.flag", "2"],
      ["NOT c.flag", "4"],
      ["c.nothing = null", "2"],
      ["c.s != null", "123"],
      ["c.n IN (1, '2')", "13"],
      ["c.n NOT IN (1, 5)", "23"],
      ["c.n BETWEEN 1 AND 2", "12"],
      ["c.n = 1 OR c.n = 2 AND c.flag = false", "1"],
      ["(c.n = 1 OR c.n = 2) AND c.s != 'beta'", "1"],
      ["c.n = -1 OR c.n = 1.0e0", "1"],
      ["c.o.x[1] = 20", "1"],
      ["c['odd name'] = 1", "3"],
      ['c.o = {"x": [10, 20]}', "1"],
      ["c.value = 4", "4"],
      ["NOT (c.n > 0)", ""],
      ["c.missing = undefined", ""],
      ["true", "1234"],
    ];
    for (const [condition, expected] of cases) assert.equal(idsWhere(condition), expected, condition);
  });

  it("filters with the functions", () => {
    const cases: readonly (readonly [string, string])[] = [
      ["STARTSWITH(c.s, 'be')", "2"],
      ["startswith(c.s, 'AL', true)", "1"],
      ["ENDSWITH(c.s, 'a')", "123"],
      ["CONTAINS(c.s, 'mm')", "3"],
      ["IS_DEFINED(c.flag)", "24"],
      ["IS_DEFINED(c.nothing)", "2"],
      ["IS_NULL(c.nothing)", "2"],
      ["IS_STRING(c.n)", "3"],
      ["ARRAY_CONTAINS(c.list, 1)", "1"],
      ["ARRAY_CONTAINS(c.list, {k: 'v'}, true)", "1"],
      ["ARRAY_CONTAINS(c.list, {k: 'v'})", ""],
      ["ARRAY_CONTAINS([2, 3], c.n)", "2"],
      ["LENGTH(c.s) = 4", "2"],
      ["UPPER(c.s) = 'BETA'", "2"],
      ["ARRAY_LENGTH(c.list) = 2", "1"],
    ];
    for (const [condition, expected] of cases) assert.equal(idsWhere(condition), expected, condition);
  });

  it("takes parameters of every kind", () => {
    assert.equal(idsWhere("c.n = @n", { "@n": 2 }), "2");
    assert.equal(idsWhere("ARRAY_CONTAINS(@ids, c.id)", { "@ids": ["1", "4"] }), "14");
    assert.equal(idsWhere("c.s = @s", { "@s": 'it\'s "quoted"' }), "");
    assert.throws(() => idsWhere("c.n = @missing"), { status: 400 });
  });
});

describe("what runQuery() returns", () => {
  it("projects", () => {
    assert.deepEqual(run("SELECT c.id, c.n AS number, c.o.x FROM c WHERE c.id = '1'"), [
      { id: "1", number: 1, x: [10, 20] },
    ]);
    assert.deepEqual(run("SELECT c.flag FROM c WHERE c.n = 1"), [{}]);
    assert.deepEqual(run("SELECT VALUE {name: c.s, list: [c.n, c.missing]} FROM c WHERE c.n = 2"), [
      { name: "beta", list: [2] },
    ]);
    assert.deepEqual(run("SELECT VALUE c.flag FROM c"), [true, false]);
    assert.deepEqual(run("SELECT VALUE items.id FROM root AS items WHERE items.n = 1"), ["1"]);
    assert.deepEqual(run("SELECT c.s = 'beta' FROM c WHERE c.n = 2"), [{ $1: true }]);
  });

  it("counts", () => {
    assert.deepEqual(run("SELECT VALUE COUNT(1) FROM c"), [4]);
    assert.deepEqual(run("SELECT COUNT(c.flag) AS flags FROM c"), [{ flags: 2 }]);
    assert.deepEqual(run("SELECT COUNT(1) FROM c WHERE c.n = 9"), [{ $1: 0 }]);
  });

  it("orders by type, then value, over pages", () => {
    assert.deepEqual(run("SELECT VALUE c.id FROM c ORDER BY c.n"), ["4", "1", "2", "3"]);
    assert.deepEqual(run("SELECT VALUE c.id FROM c ORDER BY c.n DESC"), ["3", "2", "1", "4"]);
    assert.deepEqual(run("SELECT VALUE c.id FROM c ORDER BY c.pk DESC, c.id ASC"), ["3", "4", "1", "2"]);
  });

  it("cuts, over pages", () => {
    assert.deepEqual(run("SELECT TOP 3 VALUE c.id FROM c"), ["1", "2", "3"]);
    assert.deepEqual(run("SELECT TOP @top VALUE c.id FROM c", { "@top": 1 }), ["1"]);
    assert.deepEqual(run("SELECT TOP 0 VALUE c.id FROM c"), []);
    assert.deepEqual(run("SELECT VALUE c.id FROM c ORDER BY c.id DESC OFFSET 1 LIMIT 3"), ["3", "2", "1"]);
    assert.deepEqual(run("SELECT VALUE c.id FROM c OFFSET 3 LIMIT 5"), ["4"]);
    assert.throws(() => run("SELECT TOP @top * FROM c", { "@top": -1 }), { status: 400 });
  });
});

describe("parseQuery()", () => {
  it("refuses what it cannot do, rather than do something else", () => {
    const refused = [
      "",
      "SELECT",
      "SELECT * FROM",
      "SELECT * FROM c WHERE",
      "SELECT * FROM c extra words",
      "SELECT * FROM c WHERE c.a = ",
      "SELECT * FROM c WHERE c.a = 'open",
      "SELECT * FROM c JOIN t IN c.tags",
      "SELECT VALUE t FROM t IN c.tags",
      "SELECT DISTINCT c.a FROM c",
      "SELECT c.a, COUNT(1) FROM c GROUP BY c.a",
      "SELECT SUM(c.a) FROM c",
      "SELECT * FROM c WHERE COUNT(1) > 1",
      "SELECT * FROM c WHERE d.a = 1",
      "SELECT * FROM c OFFSET 1",
      "SELECT * FROM c; DROP",
    ];
    for (const text of refused) assert.throws(() => parseQuery(text), { status: 400 }, text);
  });
});

function holds(text: string): boolean {
  return evaluate(parseCondition(text), { id: "1", n: 1, from: 2 }, new Map()) === true;
}

describe("parseCondition()", () => {
  it("reads the condition of a patch", () => {
    assert.equal(holds("from c where c.n = 1"), true);
    assert.equal(holds("FROM item WHERE item.from > 2"), false);
    assert.throws(() => parseCondition("c.n = 1"), { status: 400 });
  });
});
