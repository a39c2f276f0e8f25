import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "..");

/** Files, and the rules that find something in them. */
const planted: Readonly<Record<string, { readonly text: string; readonly found: readonly string[] }>> = {
  "shared/core/floating.ts": {
    text: 'import { writeFile } from "node:fs/promises";\nwriteFile("a", "b");\n',
    found: ["no-floating-promises"],
  },
  "shared/core/floating.test.ts": {
    text: [
      'import { describe, it, test } from "node:test";',
      'import { writeFile } from "node:fs/promises";',
      'test("a", async () => {',
      '  writeFile("a", "b");',
      "});",
      'describe("b", () => {',
      '  it("c", () => undefined);',
      "});",
    ].join("\n"),
    found: ["no-floating-promises"],
  },
  "functions/environment.ts": { text: 'export const home = process.env["HOME"];\n', found: ["no-process-env"] },
  "local/environment.ts": { text: 'export const home = process.env["HOME"];\n', found: [] },
  "gateway/noise.ts": { text: 'export function say(): void {\n  console.log("a");\n}\n', found: ["no-console"] },
  "gateway/main.ts": { text: 'console.log("a");\n', found: [] },
};

test("the linter finds what is planted, in tests too, and takes node:test's own promises for what they are", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-lint-"));
  try {
    for (const name of [".oxlintrc.json", "tsconfig.json", "package.json"])
      cpSync(join(root, name), join(folder, name));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const [file, { text }] of Object.entries(planted)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    const found = await lint(folder);
    for (const [file, expected] of Object.entries(planted))
      assert.deepEqual(found.get(file) ?? [], expected.found, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Names of the rules that found something, by file. */
async function lint(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const program = join(root, "node_modules/.bin/oxlint");
  const { promise, resolve: done } = Promise.withResolvers<string>();
  // Findings make it fail; what it printed is what counts.
  execFile(program, ["--type-aware", "--format", "json"], { cwd: folder }, (_, stdout) => done(stdout));
  const { diagnostics } = JSON.parse(await promise) as { diagnostics: readonly { filename: string; code: string }[] };
  const found = new Map<string, string[]>();
  for (const { filename, code } of diagnostics) {
    const rule = /\((.+)\)$/.exec(code)?.[1] ?? code;
    found.set(filename, [...(found.get(filename) ?? []), rule]);
  }
  return found;
}
