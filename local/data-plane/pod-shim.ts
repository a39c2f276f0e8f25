/**
 * Runs inside a pod's network namespace, as root, one process a pod: starts the pod's programs under their users, tells
 * how they end, and probes them from inside. It outlives nobody: when the data plane's end of the channel closes, by
 * whatever death, it kills what it started and ends.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import process from "node:process";
import { runProbe } from "./run-probe.ts";
import type { ProgramSpec, ShimReport, ShimRequest } from "./shim-messages.ts";

const programs = new Map<string, ChildProcess>();

function report(message: ShimReport): void {
  if (process.connected) process.send?.(message);
}

function start(program: ProgramSpec): void {
  const [file = "", ...args] = program.argv;
  const log = openSync(program.logPath, "a", 0o644);
  try {
    const child = spawn(file, args, {
      cwd: program.workingDir,
      env: { ...program.environment },
      stdio: ["ignore", log, log],
      // A group of its own, so that all of it can be killed, and the terminal's Ctrl-C passes it by.
      detached: true,
      ...(program.uid === undefined ? {} : { uid: program.uid }),
      ...(program.gid === undefined ? {} : { gid: program.gid }),
    });
    child.once("error", (error) => {
      if (child.pid === undefined) report({ kind: "failed", name: program.name, message: error.message });
    });
    child.once("spawn", () => {
      programs.set(program.name, child);
      report({ kind: "started", name: program.name, pid: child.pid ?? 0 });
    });
    child.once("exit", (code, signal) => {
      programs.delete(program.name);
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      report({ kind: "exited", name: program.name, code: exitCode, signal });
    });
  } catch (error) {
    report({ kind: "failed", name: program.name, message: error instanceof Error ? error.message : String(error) });
  } finally {
    closeSync(log);
  }
}

function sendSignal(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(signal === "SIGKILL" ? -child.pid : child.pid, signal);
  } catch {
    // It ended in the meantime; its exit is reported by itself.
  }
}

function onRequest(request: ShimRequest): void {
  switch (request.kind) {
    case "start":
      start(request.program);
      return;
    case "signal": {
      const child = programs.get(request.name);
      if (child !== undefined) sendSignal(child, request.signal);
      return;
    }
    case "probe":
      void runProbe(request.check, request.timeoutMs).then((result) =>
        report({ kind: "probed", id: request.id, result }),
      );
      return;
  }
}

process.on("message", (message) => onRequest(message as ShimRequest));
process.on("disconnect", () => {
  for (const child of programs.values()) sendSignal(child, "SIGKILL");
});
report({ kind: "listening" });
