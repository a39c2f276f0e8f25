/** Which test files there are, and which of them belong together. */

import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Files that run at a time, `concurrency` of them side by side. */
export interface TestPhase {
  readonly files: readonly string[];
  readonly concurrency: number;
  /** Milliseconds after which a test has failed. */
  readonly timeout: number;
}

export type Suite = "quick" | "all";

const sourceFolders = ["shared", "functions", "gateway", "local", "tools", "test"];

/** Start processes, or hold a stand-in to the unmodified SDK over sockets: seconds each. */
const slow = [/(^|\/)main\.test\.ts$/, /^test\/contract\/(cosmos|event-hubs|functions-host|kubernetes)\.test\.ts$/];

/** Need a real Envoy; what needs the rights for pods too says so itself. */
const withEnvoy = [/^test\/(data-plane|e2e)\//, /^test\/conformance\/.*envoy\.test\.ts$/];

/** Every test file of the repository, as paths from its root, sorted. */
export function findTestFiles(root: string): readonly string[] {
  return sourceFolders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
    )
    .filter(
      (path) => path.endsWith(".test.ts") && !path.includes("/node_modules/") && !path.startsWith("test/fixtures/"),
    )
    .sort();
}

export function needsEnvoy(file: string): boolean {
  return withEnvoy.some((pattern) => pattern.test(file));
}

function isSlow(file: string): boolean {
  return slow.some((pattern) => pattern.test(file));
}

/**
 * The phases of a suite, in order. `quick`: unit, golden, property, contract in memory and feature; no Envoy, no root.
 * `all`: these and the rest. What starts Envoys or whole systems runs alone, as it measures time and owns the machine's network.
 */
export function testPhases(suite: Suite, files: readonly string[]): readonly TestPhase[] {
  const quick = files.filter((file) => !isSlow(file) && !needsEnvoy(file));
  if (suite === "quick") return [{ files: quick, concurrency: 2, timeout: 60_000 }];
  const alone = files.filter(needsEnvoy);
  const sideBySide = files.filter((file) => !needsEnvoy(file));
  return [
    { files: sideBySide, concurrency: 2, timeout: 300_000 },
    { files: alone, concurrency: 1, timeout: 600_000 },
  ];
}
