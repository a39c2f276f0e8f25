import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { problemCatalogue } from "../shared/core/mesh/problem.ts";
import { problemsPage } from "./problems-page.ts";

test("docs/problems.md is what the catalogue says", async () => {
  assert.equal(await readFile(new URL("../docs/problems.md", import.meta.url), "utf8"), problemsPage());
});

test("every code has a heading, and its text says what it means and what to do", () => {
  const page = problemsPage();
  for (const [code, text] of Object.entries(problemCatalogue)) {
    assert.ok(page.includes(`\n## ${code}\n\n${text}\n`));
    assert.ok(text.split(/[.;:] /).length >= 2, code);
  }
});
