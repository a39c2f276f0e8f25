import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { deployBookstore } from "./demo/deploy-bookstore.ts";
import { createLiveTable } from "./demo/live-table.ts";
import { createAckMeter } from "./demo/measure-acks.ts";
import { createCounterReader } from "./demo/read-counters.ts";
import { type WalkResult, walk } from "./demo/walk.ts";
import { type LocalMesh, startLocalMesh } from "./start-local-mesh.ts";

const usage = `usage: npm start -- [options]
  --exit           end after the last row; exit code 0 only if every cell was as expected
  --output json    print one JSON value at the end of the walk, and nothing else on standard output (with --exit)
  --dir D          keep the data of Event Hubs, Cosmos DB and Kubernetes in this folder
  --no-pods        control plane and dashboard only
  --no-install     install no missing packages (needs root otherwise)`;

const flags = {
  exit: { type: "boolean", default: false },
  output: { type: "string", default: "text" },
  dir: { type: "string" },
  "no-pods": { type: "boolean", default: false },
  "no-install": { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** To a person; standard output is for results. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The whole system on this machine: the bookstore, its seven policy steps with real Envoys, and the dashboard. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: flags });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  if (values.output !== "text" && values.output !== "json")
    throw new Error(`--output ${values.output}: must be text or json`);
  const json = values.output === "json";
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

  const dir = values.dir === undefined ? {} : { dir: values.dir };
  await using mesh = await startLocalMesh({ ...dir, pods: !values["no-pods"], install: !values["no-install"], say });
  mesh.lost.catch((error: Error) => {
    say(`✗ ${error.message}`);
    process.exitCode = 1;
    stop.abort();
  });
  if (mesh.withoutPods === undefined) {
    const result = await walkBookstore(mesh, { json, say, signal: stop.signal });
    if (json && result !== undefined) process.stdout.write(`${JSON.stringify(result)}\n`);
    if (result?.ok !== true) process.exitCode = 1;
  } else {
    for (const problem of mesh.withoutPods) say(`no pods: ${problem}`);
    if (values.exit) process.exitCode = 1;
  }
  if (values.exit || stop.signal.aborted) return;
  say(hints(mesh));
  await new Promise<void>((resolve) => {
    if (stop.signal.aborted) resolve();
    stop.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  say("stopping");
}

interface Watching {
  readonly json: boolean;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Undefined when it was interrupted. */
async function walkBookstore(mesh: LocalMesh, { json, say, signal }: Watching): Promise<WalkResult | undefined> {
  say(`dashboard: ${dashboardUrl(mesh)}`);
  say("deploying the bookstore");
  try {
    await deployBookstore(mesh.client, { signal });
    using table = createLiveTable(json ? process.stderr : process.stdout);
    return await walk({
      client: mesh.client,
      readCounters: createCounterReader(mesh.client),
      measureAcks: createAckMeter({ gatewayUrl: mesh.gatewayUrl }),
      onProgress: table.onProgress,
      signal,
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function dashboardUrl(mesh: LocalMesh): string {
  return `${mesh.functionsUrl}/api/dashboard`;
}

function hints(mesh: LocalMesh): string {
  const manifests = "local/scenarios/bookstore/manifests";
  const kubectl = (process.env["PATH"] ?? "")
    .split(delimiter)
    .some((folder) => folder !== "" && existsSync(join(folder, "kubectl")));
  return [
    "",
    "The mesh is up.",
    `  dashboard   ${dashboardUrl(mesh)}`,
    `  gateway     ${mesh.gatewayUrl}/debug`,
    `  logs        ${mesh.runDir}`,
    "",
    `  export KUBECONFIG=${mesh.kubeconfig}`,
    `  kubectl get pods -A${kubectl ? "" : "        (no kubectl found on PATH: install it first)"}`,
    "  kubectl get traffictargets,trafficsplits -A",
    "",
    "  try: take a grant away, and watch the dashboard and the thief's counter",
    "  kubectl edit traffictarget -n bookstore",
    `  kubectl apply -f ${manifests}/split/half.yaml`,
    "",
    "  Ctrl-C ends everything.",
  ].join("\n");
}

try {
  await main();
} catch (error) {
  process.stderr.write(`npm start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
