import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "..");

/** Pages for people, but for the catalogue of problems, which is written by a program. */
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "shared/README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`),
].filter((path) => path.endsWith(".md") && path !== "docs/problems.md");

/** Folders at the top of the repository; a path in code marks that begins with one of them must be there. */
const folders = ["shared", "functions", "gateway", "local", "infra", "test", "tools", "docs"];

test("the architecture page follows a TrafficTarget through files that exist", () => {
  const page = textOf("docs/architecture.md");
  const steps = page.match(/^\| \d+ \|.*$/gm) ?? [];
  assert.ok(steps.length >= 10);
  for (const step of steps) assert.ok(pathsIn(step).length > 0, step);
});

test("every path that a page names exists", () => {
  const missing = pages.flatMap((page) =>
    pathsIn(textOf(page))
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${page}: ${path}`),
  );
  assert.deepEqual(missing, []);
});

test("every link to another page leads somewhere", () => {
  const broken = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !target.includes("://") && !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("every npm script that a page names is there", () => {
  const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
  const missing = pages.flatMap((page) =>
    [...textOf(page).matchAll(/`npm run ([a-z:-]+)/g)]
      .map(([, name = ""]) => name)
      .filter((name) => !(name in scripts))
      .map((name) => `${page}: ${name}`),
  );
  assert.deepEqual(missing, []);
});

test("every promise names a test that is there", () => {
  const named = [...textOf("docs/promises.md").matchAll(/`([^`]+[.]test[.]ts)` “([^”]+)”/g)];
  assert.ok(named.length > 40);
  const missing = named.filter(
    ([, file = "", name = ""]) => !existsSync(join(root, file)) || !textOf(file).includes(name),
  );
  assert.deepEqual(
    missing.map(([text]) => text),
    [],
  );
});

test("the glossary is sorted and names each noun once", () => {
  const nouns = [...textOf("docs/glossary.md").matchAll(/^\| ([a-z][a-z ]*) \|/gm)].map(([, noun = ""]) => noun);
  assert.deepEqual(nouns, [...new Set(nouns)].sort());
});

test("decisions are numbered one after the other and say what they must", () => {
  const names = readdirSync(join(root, "docs/adr")).sort();
  names.forEach((name, index) => {
    assert.match(name, new RegExp(`^${String(index + 1).padStart(4, "0")}-[a-z0-9-]+\\.md$`));
    for (const part of ["Context", "Options", "Choice", "Price", "Security", "Reliability"])
      assert.match(textOf(`docs/adr/${name}`), new RegExp(`^(## |\\*\\*)${part}`, "m"), `${name}: ${part}`);
  });
});

test("every dependency has its sentence", () => {
  const { dependencies, devDependencies } = JSON.parse(textOf("package.json")) as Record<string, object>;
  const page = textOf("docs/adr/0006-own-stand-ins.md");
  const missing = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !page.includes(`\`${name}\``));
  assert.deepEqual(missing, []);
});

function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Paths in code marks: `gateway/main.ts`, `local/cosmos`. */
function pathsIn(text: string): readonly string[] {
  return [...text.matchAll(/`([a-z][A-Za-z0-9_./-]*)`/g)]
    .map(([, path = ""]) => path)
    .filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)));
}
