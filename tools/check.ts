/** `npm run check`: everything that must be green before a review, two steps at a time, a line for each with its time. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join, resolve } from "node:path";

interface Step {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
}

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
}

const root = resolve(import.meta.dirname, "..");
const binaries = join(root, "node_modules/.bin");

/** Longest first, so that two hands are done together; the tests use two processes themselves and come last. */
const steps: readonly Step[] = [
  { name: "types", command: ["tsc"] },
  { name: "lint", command: ["oxlint", "--type-aware", "--threads", "1"] },
  { name: "dead code", command: ["knip"] },
  { name: "format", command: ["biome", "ci", "--colors=off", "."] },
  { name: "rules", command: ["node", "--test", "test/architecture.test.ts", "test/lint.test.ts"] },
  { name: "problems page", command: ["node", "tools/problems-page.ts", "--check"] },
  { name: "test:quick", command: ["node", "tools/test.ts", "quick"] },
];

async function run({ name, command: [program, ...args] }: Step): Promise<Outcome> {
  const begun = performance.now();
  const path = `${binaries}${delimiter}${process.env["PATH"] ?? ""}`;
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  child.once("error", (error) => {
    output += `${program}: ${error.message}\n`;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { name, passed: code === 0, seconds: (performance.now() - begun) / 1000, output };
}

function report({ name, passed, seconds, output }: Outcome): void {
  process.stdout.write(`${passed ? "✔" : "✖"} ${name.padEnd(18)} ${seconds.toFixed(1).padStart(5)} s\n`);
  if (!passed) process.stdout.write(`${output}\n`);
}

async function main(): Promise<void> {
  const begun = performance.now();
  const waiting = [...steps];
  const failed: string[] = [];
  const hand = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const outcome = await run(step);
      report(outcome);
      if (!outcome.passed) failed.push(outcome.name);
    }
  };
  await Promise.all([hand(), hand()]);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stdout.write(
    failed.length === 0 ? `check passed in ${seconds} s\n` : `check failed in ${seconds} s: ${failed.join(", ")}\n`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
