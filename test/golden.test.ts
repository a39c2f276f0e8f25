import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compile } from "../shared/core/compile.ts";
import { readCases, readerOf, stageFault } from "./support/golden/case.ts";
import { objectsIn, settingsOf, stages } from "./support/golden/stages.ts";

const cases = await readCases();

for (const { name, files, strangers } of cases) {
  describe(name, () => {
    test("has its input and nothing that no stage makes", () => {
      assert.ok(files.has("cluster"), "cluster.yaml is missing");
      assert.deepEqual(strangers, []);
    });

    for (const stage of stages) {
      test(`${stage.from} → ${stage.name}`, async () => {
        assert.equal(await stageFault(files, stage), undefined, "see npm run golden");
      });
    }

    test("compile() in one go gives the same snapshot", () => {
      const read = readerOf(files);
      const { snapshot } = compile({ objects: objectsIn(read("state")), settings: settingsOf(read) });
      // Its first line: to parse the rest, the largest file of all, takes longer than to compile.
      assert.equal(`root: ${snapshot.index.root}`, files.get("xds")?.split("\n", 1)[0]);
    });
  });
}

describe("the check", () => {
  const clean = cases.find(({ name }) => name === "traffic-target-http")?.files ?? new Map<string, string>();
  const withFile = (name: string, text: string | undefined): ReadonlyMap<string, string> =>
    new Map([...clean, [name, text ?? ""] as const].filter(([key]) => key !== name || text !== undefined));

  for (const stage of stages.filter(({ name }) => name !== "problems")) {
    test(`misses ${stage.name}.yaml`, async () => {
      assert.equal(await stageFault(withFile(stage.name, undefined), stage), `${stage.name}.yaml is missing`);
    });

    test(`sees one changed character of ${stage.name}.yaml`, async () => {
      const text = clean.get(stage.name) ?? "";
      const at = text.lastIndexOf("shop/server") < 0 ? text.lastIndexOf("shop") : text.lastIndexOf("shop/server");
      const changed = `${text.slice(0, at)}x${text.slice(at + 1)}`;
      assert.match((await stageFault(withFile(stage.name, changed), stage)) ?? "", /line \d+: written «.*xhop/);
    });
  }

  test("refuses a file that no stage makes any more", async () => {
    const problems = stages.filter(({ name }) => name === "problems");
    for (const stage of problems)
      assert.match((await stageFault(withFile("problems", "- code: old\n"), stage)) ?? "", /no stage makes/);
  });
});
