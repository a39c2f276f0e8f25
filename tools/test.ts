/** `node tools/test.ts quick|all|nightly`: picks the tests, sets up what they need, runs them. */

import { join, resolve } from "node:path";
import { findEnvoy } from "../local/data-plane/envoy-binary.ts";
import { checkMachine } from "../local/data-plane/setup.ts";
import { buildBundles } from "./build-bundles.ts";
import { labVariable, openKubeLab } from "./kube-lab.ts";
import { runTests, type SkippedFile } from "./run-tests.ts";
import { findTestFiles, needsEnvoy, needsKubernetes, type Suite, testPhases } from "./test-suites.ts";

const root = resolve(import.meta.dirname, "..");
const suite = process.argv[2] ?? "all";
const noInstall = process.argv.includes("--no-install");

/** Generated cases for each property; `npm test` takes the number that the properties themselves name. */
const cases = { quick: "30", nightly: "10000" };
/** Histories of the simulation. */
const nightlyHistories = "10000";
/** Pods replaced: an hour of fifty events a second. */
const nightlyChurn = "60000";

/** Every file is a process of its own and loads much the same modules: what Node compiled once it need not compile again. */
process.env["NODE_COMPILE_CACHE"] ??= join(root, "node_modules/.cache/compile");

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Bundles, tools for pods, Envoy. What cannot be had is said, and its reason returned. */
async function prepare(): Promise<{ readonly missingEnvoy: string | undefined }> {
  await buildBundles();
  const options = { environment: process.env, install: !noInstall, report };
  const machine = await checkMachine(options);
  if (!machine.ok) for (const problem of machine.problems) report(`tests of pods are skipped: ${problem}`);
  const envoy = await findEnvoy(options);
  if (!envoy.ok) return { missingEnvoy: envoy.problems.join("; ") };
  report(`Envoy ${envoy.version}: ${envoy.path}`);
  process.env["ENVOY_BIN"] = envoy.path;
  return { missingEnvoy: undefined };
}

async function runQuick(files: readonly string[]): Promise<boolean> {
  process.env["WEFT_CASES"] ??= cases.quick;
  return runTests({ root, phases: testPhases("quick", files), skipped: [], remarks: [] });
}

async function runAll(suite: "all" | "nightly", files: readonly string[]): Promise<boolean> {
  const { missingEnvoy } = await prepare();
  await using lab = await openKubeLab({
    environment: process.env,
    scripts: resolve(root, "../shared/kube"),
    report,
  });
  const remark = `real Kubernetes: ${lab.missing === undefined ? "RUN" : `NOT RUN (${lab.missing})`}`;
  if (lab.kubeconfig !== undefined) process.env[labVariable] = lab.kubeconfig;
  const missing = (file: string): string | undefined => {
    if (needsEnvoy(file)) return missingEnvoy;
    return needsKubernetes(file) ? lab.missing : undefined;
  };
  const skipped = files.flatMap((file): readonly SkippedFile[] => {
    const reason = missing(file);
    return reason === undefined ? [] : [{ file, reason }];
  });
  const runnable = files.filter((file) => missing(file) === undefined);
  return await runTests({ root, phases: testPhases(suite, runnable, lab), skipped, remarks: [remark] });
}

async function main(suite: Suite): Promise<void> {
  const files = findTestFiles(root);
  if (suite === "nightly") {
    process.env["WEFT_CASES"] ??= cases.nightly;
    process.env["WEFT_HISTORIES"] ??= nightlyHistories;
    process.env["WEFT_CHURN"] ??= nightlyChurn;
  }
  const passed = suite === "quick" ? await runQuick(files) : await runAll(suite, files);
  process.exitCode = passed ? 0 : 1;
}

if (suite === "quick" || suite === "all" || suite === "nightly") await main(suite);
else {
  process.stderr.write("usage: node tools/test.ts quick|all|nightly [--no-install]\n");
  process.exitCode = 2;
}
