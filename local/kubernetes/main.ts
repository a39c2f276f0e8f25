/**
 * `npm run local:kubernetes -- --port N --dir D`: the Kubernetes API server stand-in as a process of its own.
 *
 * Prints how to connect, or with `--output json` one line for programs, and ends on SIGTERM and SIGINT.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { faultFlags, parseControlPort, readFaultPlan } from "../faults/fault-plan.ts";
import { kubernetesFault } from "./faults.ts";
import { type Kubernetes, startKubernetes } from "./start-kubernetes.ts";

const usage = `usage: npm run local:kubernetes -- [options]
  --port N             port to listen on (default: any free one)
  --host H             name or address to listen on (default: 127.0.0.1)
  --dir D              folder to keep objects and secrets in (default: kept in memory only)
  --service-cidr C     range of the Services' addresses (default: 10.128.0.0/16)
  --crds DIR           YAML files applied at start
  --kubeconfig FILE    where to write the kubeconfig (default: D/kubeconfig, or a new file in the temporary folder)
  --faults JSON|FILE   what befalls requests, see local/faults/README.md
  --control-port N     port of /faults on loopback, 0 for any
  --output json        print one line of JSON when ready`;

const flags = {
  port: { type: "string" },
  host: { type: "string" },
  dir: { type: "string" },
  "service-cidr": { type: "string" },
  crds: { type: "string" },
  kubeconfig: { type: "string" },
  output: { type: "string" },
  ...faultFlags,
  help: { type: "boolean", short: "h" },
} as const;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function parsePort(text: string | undefined): number {
  const port = Number(text ?? "0");
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${text}: must be a number from 0 to 65535`);
  return port;
}

/** A new file in the temporary folder lies in a folder of its own, which goes with the process. */
function kubeconfigFile(wanted: string | undefined, dir: string | undefined): { file: string; temporary?: string } {
  if (wanted !== undefined) return { file: resolve(wanted) };
  if (dir !== undefined) return { file: resolve(dir, "kubeconfig") };
  const temporary = mkdtempSync(join(tmpdir(), "weft-kubernetes-"));
  return { file: join(temporary, "kubeconfig"), temporary };
}

function isOnPath(program: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => folder !== "" && existsSync(join(folder, program)));
}

function announce({ url, faultsUrl }: Kubernetes, file: string): void {
  say(`Kubernetes API (stand-in) at ${url}`);
  say(`  export KUBECONFIG=${file}`);
  say("  kubectl get namespaces");
  if (faultsUrl !== undefined) say(`  faults: ${faultsUrl}`);
  if (!isOnPath("kubectl")) say("  (no kubectl found on PATH: https://kubernetes.io/docs/tasks/tools/)");
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === "EADDRINUSE") return `port ${port} is in use: choose another with --port`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `cannot listen on ${address ?? "that host"}: no such address here`;
  return error.message;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: flags });
  if (values.help) {
    say(usage);
    return;
  }
  if (values.output !== undefined && values.output !== "json")
    throw new Error(`--output ${values.output}: only json is known`);
  // Asked for before anybody can know that the process is there.
  const ended = signalled();
  const controlPort = parseControlPort(values["control-port"]);
  const kubernetes = await startKubernetes({
    faults: await readFaultPlan(values.faults, kubernetesFault),
    ...(controlPort === undefined ? {} : { controlPort }),
    port: parsePort(values.port),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.dir === undefined ? {} : { dir: resolve(values.dir) }),
    ...(values["service-cidr"] === undefined ? {} : { serviceCidr: values["service-cidr"] }),
    ...(values.crds === undefined ? {} : { crds: resolve(values.crds) }),
  });
  const { file, temporary } = kubeconfigFile(values.kubeconfig, values.dir);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, kubernetes.kubeconfig, { mode: 0o600 });
  chmodSync(file, 0o600);
  const { url: address, faultsUrl: faults } = kubernetes;
  const ready = { part: "kubernetes", pid: process.pid, address, kubeconfig: file, faults };
  if (values.output === "json") say(JSON.stringify(ready));
  else announce(kubernetes, file);
  await ended;
  await kubernetes[Symbol.asyncDispose]();
  if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
}

function signalled(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => done());
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`local:kubernetes: ${explain(error)}\n`);
  process.exitCode = 1;
});
