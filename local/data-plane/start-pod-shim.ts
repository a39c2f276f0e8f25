/** The data plane's end of a pod's shim. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandPath } from "./run-command.ts";
import type { ProbeCheck, ProbeResult, ProgramSpec, ShimReport, ShimRequest } from "./shim-messages.ts";

export interface ProgramExit {
  readonly code: number;
  readonly signal: string | null;
}

export interface RunningProgram {
  readonly pid: number;
  readonly exit: Promise<ProgramExit>;
}

/** Disposing kills all programs of the pod and the shim. */
export interface PodShim extends AsyncDisposable {
  /** Resolves when the program runs; rejects with the system's reason when it cannot be started. */
  readonly start: (program: ProgramSpec) => Promise<RunningProgram>;
  readonly signal: (name: string, signal: NodeJS.Signals) => void;
  readonly probe: (check: ProbeCheck, timeoutMs: number) => Promise<ProbeResult>;
  /** Resolves when the shim has ended, for whatever reason. */
  readonly closed: Promise<void>;
}

interface Pending {
  readonly started: PromiseWithResolvers<RunningProgram>;
  readonly exit: PromiseWithResolvers<ProgramExit>;
}

const SHIM = fileURLToPath(new URL("./pod-shim.ts", import.meta.url));
/** What a program that died with its shim is said to have ended with, as if by SIGKILL. */
const LOST: ProgramExit = { code: 137, signal: "SIGKILL" };

/** Starts the shim in a network namespace; `logPath` gets what the shim itself has to say. */
export async function startPodShim(namespace: string, logPath: string): Promise<PodShim> {
  const log = openSync(logPath, "a", 0o644);
  const child = spawn("ip", ["netns", "exec", namespace, process.execPath, SHIM], {
    env: { ...process.env, PATH: commandPath(), NODE_OPTIONS: "" },
    stdio: ["ignore", log, log, "ipc"],
    detached: true,
  });
  closeSync(log);
  const programs = new Map<string, Pending>();
  const probes = new Map<number, (result: ProbeResult) => void>();
  const listening = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();

  child.on("message", (message) => {
    const report = message as ShimReport;
    if (report.kind === "listening") listening.resolve();
    else if (report.kind === "probed") probes.get(report.id)?.(report.result);
    else settleProgram(programs, report);
  });
  child.once("error", (error) => listening.reject(error));
  child.once("exit", (code, signal) => {
    const lost = new Error(`the shim of ${namespace} ended with ${signal ?? `code ${code}`}; see ${logPath}`);
    listening.reject(lost);
    for (const pending of programs.values()) {
      pending.started.reject(lost);
      pending.exit.resolve(LOST);
    }
    for (const resolve of probes.values()) resolve({ ok: false, detail: lost.message });
    closed.resolve();
  });
  await listening.promise;
  return createShim(child, programs, { probes, closed: closed.promise });
}

function createShim(
  child: ChildProcess,
  programs: Map<string, Pending>,
  { probes, closed }: { probes: Map<number, (result: ProbeResult) => void>; closed: Promise<void> },
): PodShim {
  let lastProbe = 0;
  const send = (request: ShimRequest): void => {
    // A send on a closed channel is answered by the exit that closed it.
    if (child.connected) child.send(request, () => {});
  };
  return {
    async start(program) {
      const pending = {
        started: Promise.withResolvers<RunningProgram>(),
        exit: Promise.withResolvers<ProgramExit>(),
      };
      if (!child.connected) throw new Error("the pod's shim has ended");
      programs.set(program.name, pending);
      send({ kind: "start", program });
      return pending.started.promise;
    },
    signal(name, signal) {
      send({ kind: "signal", name, signal });
    },
    async probe(check, timeoutMs) {
      if (!child.connected) return { ok: false, detail: "the pod's shim has ended" };
      lastProbe += 1;
      const id = lastProbe;
      const { promise, resolve } = Promise.withResolvers<ProbeResult>();
      probes.set(id, resolve);
      send({ kind: "probe", id, check, timeoutMs });
      return promise.finally(() => probes.delete(id));
    },
    closed,
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await closed;
    },
  };
}

function settleProgram(
  programs: Map<string, Pending>,
  report: Exclude<ShimReport, { kind: "listening" | "probed" }>,
): void {
  const pending = programs.get(report.name);
  if (pending === undefined) return;
  if (report.kind === "started") {
    pending.started.resolve({ pid: report.pid, exit: pending.exit.promise });
    return;
  }
  programs.delete(report.name);
  if (report.kind === "failed") pending.started.reject(new Error(report.message));
  else pending.exit.resolve({ code: report.code, signal: report.signal });
}
