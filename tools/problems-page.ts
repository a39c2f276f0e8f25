import { readFile, writeFile } from "node:fs/promises";
import { problemCatalogue } from "../shared/core/mesh/problem.ts";

const path = new URL("../docs/problems.md", import.meta.url);

/** docs/problems.md: every code with what it means and what to do, so that each has an address to link to. */
export function problemsPage(): string {
  const sections = Object.entries(problemCatalogue).map(([code, text]) => `## ${code}\n\n${text}\n`);
  return `# Problems

A mistake in an object does not stop the mesh: the rest goes on, and the mistake is reported on its object with one of these codes.
Written by \`node tools/problems-page.ts\` from \`shared/core/mesh/problem.ts\`; edit the texts there.

${sections.join("\n")}`;
}

/** With --check nothing is written; exit code 1 if the page is not what the catalogue says. */
async function main(): Promise<void> {
  const page = problemsPage();
  if (!process.argv.includes("--check")) return writeFile(path, page);
  const present = await readFile(path, "utf8").catch(() => "");
  if (present === page) return undefined;
  process.stderr.write("docs/problems.md is out of date: run node tools/problems-page.ts\n");
  process.exitCode = 1;
  return undefined;
}

if (import.meta.main) await main();
