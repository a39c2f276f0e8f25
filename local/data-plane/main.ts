/**
 * The data plane as a process of its own: `node local/data-plane/main.ts --config FILE.json [--output json]`.
 * Prints one line when it is ready; ends, and clears up, on SIGTERM, SIGINT, or when the process named as parent is gone.
 */

import { readFile } from "node:fs/promises";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { z } from "zod";
import { describeProxy } from "./describe-proxy.ts";
import { identifyProcess, isRunning } from "./process-identity.ts";
import { reserveNode } from "./reserve-node.ts";
import { setUp } from "./setup.ts";
import { startDataPlane } from "./start-data-plane.ts";

const CONFIG = z.object({
  kubeconfig: z.string(),
  xds: z.object({
    host: z.string(),
    port: z.number().int().positive(),
    serverName: z.string(),
    rootCertificatesPem: z.string(),
  }),
  /** From `reserveNode()` of the caller; absent: this process takes one itself. */
  node: z
    .object({
      index: z.number().int().min(0),
      namespace: z.string(),
      podCidr: z.string(),
      serviceCidr: z.string(),
      gatewayAddress: z.string(),
      nodeAddress: z.string(),
      link: z.string(),
      podGateway: z.string(),
      runDir: z.string(),
    })
    .optional(),
  /** From `setUp()` of the caller; absent: this process looks for one itself. */
  envoyBinary: z.object({ path: z.string(), version: z.string() }).optional(),
  logDir: z.string().optional(),
  /** Any part of `DataPlaneSettings`. */
  settings: z
    .object({
      nodeName: z.string(),
      drainSeconds: z.number(),
      envoyLogLevel: z.string(),
      tokenSeconds: z.number(),
      tokenRenewAt: z.number(),
      maxGraceMs: z.number(),
      shutdownGraceMs: z.number(),
      restart: z.object({ firstMs: z.number(), mostMs: z.number() }),
      unreadyProbeMs: z.number(),
      readyProxyMs: z.number(),
      workingDir: z.string(),
      injectHere: z.boolean(),
    })
    .partial()
    .optional(),
  /** Process number of whoever wants this one to end with it. */
  parentPid: z.number().int().positive().optional(),
});

const PARENT_CHECK_MS = 500;

function report(line: string): void {
  process.stderr.write(`data-plane: ${line}\n`);
}

/** Resolves when this process is to end. */
async function endAsked(parentPid: number | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", () => resolve());
  process.once("SIGINT", () => resolve());
  if (parentPid !== undefined) void processGone(parentPid).then(resolve);
  // The signal handlers alone do not keep the process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  return promise.finally(() => clearInterval(alive));
}

async function processGone(pid: number): Promise<void> {
  const identity = await identifyProcess(pid);
  if (identity === undefined) return;
  while (await isRunning(identity)) await pause(PARENT_CHECK_MS, undefined, { ref: false });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      output: { type: "string", default: "text" },
      "no-install": { type: "boolean", default: false },
    },
  });
  if (values.config === undefined) throw new Error("name the configuration with --config FILE.json");
  const config = CONFIG.parse(JSON.parse(await readFile(values.config, "utf8")));
  const ending = endAsked(config.parentPid);
  await using parts = new AsyncDisposableStack();

  let { envoyBinary, node } = config;
  if (envoyBinary === undefined || node === undefined) {
    const found = await setUp({ environment: process.env, install: !values["no-install"], report });
    if (!found.ok) throw new Error(found.problems.join("\n"));
    envoyBinary ??= found.envoy;
  }
  node ??= parts.use(await reserveNode()).node;
  const dataPlane = parts.use(
    await startDataPlane({
      kubeconfig: config.kubeconfig,
      node,
      envoyBinary,
      bootstrap: (pod) => describeProxy(pod, config.xds),
      report,
      ...(config.logDir === undefined ? {} : { logDir: config.logDir }),
      ...(config.settings === undefined ? {} : { settings: definedOnly(config.settings) }),
    }),
  );
  const ready = { part: "data-plane", pid: process.pid, address: dataPlane.address, logs: dataPlane.logDir };
  console.log(
    values.output === "json" ? JSON.stringify(ready) : `data plane at ${ready.address}, logs in ${ready.logs}`,
  );
  await ending;
}

/** Drops keys without a value, so that a default is not replaced by nothing. */
function definedOnly<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

try {
  await main();
} catch (error) {
  report(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
