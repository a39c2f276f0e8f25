import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startFaultControl } from "../faults/fault-control.ts";
import { createFaultInjector } from "../faults/fault-injector.ts";
import { faultFlags, parseControlPort, readFaultPlan } from "../faults/fault-plan.ts";
import { hostFault } from "./faults/host-fault.ts";
import { firstLine } from "./functions-host-error.ts";
import { runWorker, WorkerNotStarted, type WorkerReady } from "./run-worker.ts";

const usage = `Runs an Azure Functions app.

  --app PATH         folder with the app's package.json, or its bundle (default: .)
  --port N           port on 127.0.0.1 (default: a free one)
  --dir D            folder for checkpoints and schedules (default: one that goes with the host)
  --settings FILE    local.settings.json; the environment goes before it
  --partitions 0,1   of every hub only these, while another host takes the others
  --faults JSON|FILE what befalls it, see local/faults
  --control-port N   GET, PUT /faults
  --output json      one line of JSON when ready
`;

const print = process.stdout.write.bind(process.stdout);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...faultFlags,
      app: { type: "string" },
      port: { type: "string", default: "0" },
      dir: { type: "string" },
      settings: { type: "string" },
      partitions: { type: "string" },
      output: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    print(usage);
    return;
  }
  if (values.output !== undefined && values.output !== "json")
    throw new Error(`--output ${values.output}: only json is known.`);
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is not a port.`);
  const controlPort = parseControlPort(values["control-port"]);
  const injector = createFaultInjector(await readFaultPlan(values.faults, hostFault));
  const withFaults = values.faults !== undefined || controlPort !== undefined;
  const stopped = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);

  await using life = new AsyncDisposableStack();
  const dir = values.dir ?? (await mkdtemp(join(tmpdir(), "functions-host-")));
  if (values.dir === undefined) life.defer(() => rm(dir, { recursive: true, force: true }));
  const named = { app: values.app, settings: values.settings, partitions: values.partitions, dir };
  const args = Object.entries(named).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, value]));
  const control =
    controlPort === undefined
      ? undefined
      : life.use(await startFaultControl({ injector, schema: hostFault, port: controlPort, now: refuseNow }));
  const worker = life.use(
    await runWorker({
      args,
      port,
      faults: withFaults ? injector : undefined,
      log: (message) => process.stderr.write(`${new Date().toISOString()} warning     host: ${message}\n`),
    }),
  );
  announce(worker.ready, { json: values.output === "json", faults: control?.url });
  await stopped;
}

function refuseNow(): void {
  throw new Error("every fault of the host befalls an operation: put it into the plan");
}

function announce(
  { url, key, functions }: WorkerReady,
  { json, faults }: { readonly json: boolean; readonly faults: string | undefined },
): void {
  if (json) {
    print(`${JSON.stringify({ part: "functions-host", pid: process.pid, address: url, functions, faults })}\n`);
    return;
  }
  print(`Functions host  ${url}\n  key           ${key}\n`);
  for (const name of functions) print(`  function      ${name}\n`);
  if (faults !== undefined) print(`  faults        ${faults}\n`);
}

try {
  await main();
} catch (thrown) {
  if (!(thrown instanceof WorkerNotStarted)) process.stderr.write(`${firstLine(thrown)}\n`);
  process.exitCode = 1;
}
