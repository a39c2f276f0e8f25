/** Which test files there are, and which of them run together. */

import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Groups that run at a time, `concurrency` of them side by side. */
export interface TestPhase {
  readonly groups: readonly TestGroup[];
  readonly concurrency: number;
  /** Milliseconds after which a test has failed. */
  readonly timeout: number;
  /** Milliseconds after which the phase hangs: its processes are ended and its tests have failed. */
  readonly limit: number;
  /** What the tests of this phase need, ended with it. */
  readonly held?: AsyncDisposable;
}

/** Files that share a process, one after the other. */
export type TestGroup = readonly string[];

export type Suite = "quick" | "all" | "nightly";

const minute = 60_000;
/** For twenty times as many generated cases and histories. */
const night = 240 * minute;

const sourceFolders = ["shared", "functions", "gateway", "infra", "local", "tools", "test"];

/** Start processes, hold a stand-in to the unmodified SDK over sockets, or run a tool over the repository (`check` does, too): seconds each. */
const slow = [
  /(^|\/)main\.test\.ts$/,
  /^test\/contract\/(?!document-store)/,
  // Wait for durations that cannot be shorter: a cloud that is away, phases of a rotation, limits.
  /^test\/feature\/(cloud-away|local-guard|root-rotation|stream-order)\.test\.ts$/,
  // Counts the objects of its process.
  /^test\/feature\/endpoint-churn\.test\.ts$/,
  /^test\/simulation\//,
  /^test\/(architecture|lint)\.test\.ts$/,
];

/** Need a real Envoy; what needs the rights for pods too says so itself. */
const withEnvoy = [/^test\/(data-plane|e2e)\//, /^test\/conformance\/.*envoy\.test\.ts$/];

/** Needs a real Kubernetes API server. */
const withKubernetes = /^test\/contract\/real-kubernetes\.test\.ts$/;

/**
 * Share a process: loading the same modules again and again takes longer than testing them. Others, which hold tools or SDKs, have their own.
 * What takes longest comes first, so that no process is left with it when all others are done.
 */
const together = [
  /^test\/feature\/(?!endpoint-churn)/,
  /^(functions|gateway)\//,
  /^(shared\/|test\/(property|golden))/,
  /^(local\/|test\/contract\/document-store)/,
];

/** Every test file of the repository, as paths from its root, sorted. */
export function findTestFiles(root: string): readonly string[] {
  return sourceFolders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
    )
    .filter((path) => path.endsWith(".test.ts") && !path.includes("/node_modules/"))
    .sort();
}

export function needsEnvoy(file: string): boolean {
  return withEnvoy.some((pattern) => pattern.test(file));
}

export function needsKubernetes(file: string): boolean {
  return withKubernetes.test(file);
}

/**
 * The phases of a suite, in order. `quick`: unit, golden, property, contract in memory and feature; no Envoy, no root.
 * `all`: these and the rest; with `kubernetes` held while its tests run, first and alone. What starts Envoys or whole systems runs alone, too, as it
 * measures time and owns the machine's network. `nightly`: the same, with a night's time for what generates its cases.
 */
export function testPhases(suite: Suite, files: readonly string[], kubernetes?: AsyncDisposable): readonly TestPhase[] {
  const sideBySide = files.filter((file) => !needsEnvoy(file) && !needsKubernetes(file));
  if (suite === "quick")
    // One more than cores, as some wait for sockets and timers.
    return [{ groups: grouped(sideBySide.filter(isQuick)), concurrency: 3, timeout: minute, limit: 10 * minute }];
  const alone = files.filter(needsEnvoy).map((file) => [file]);
  const onKubernetes = files.filter(needsKubernetes).map((file) => [file]);
  return [
    {
      groups: onKubernetes,
      concurrency: 1,
      timeout: 5 * minute,
      limit: 30 * minute,
      ...(kubernetes && { held: kubernetes }),
    },
    {
      groups: grouped(sideBySide),
      concurrency: 2,
      timeout: suite === "nightly" ? night : 5 * minute,
      limit: suite === "nightly" ? night : 30 * minute,
    },
    { groups: alone, concurrency: 1, timeout: 10 * minute, limit: 30 * minute },
  ];
}

function isQuick(file: string): boolean {
  return !slow.some((pattern) => pattern.test(file));
}

function grouped(files: readonly string[]): readonly TestGroup[] {
  const groups = together.map((pattern) => files.filter((file) => pattern.test(file)));
  const single = files.filter((file) => !together.some((pattern) => pattern.test(file)));
  return [...groups, ...single.map((file) => [file])].filter(({ length }) => length > 0);
}
