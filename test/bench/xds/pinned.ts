import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";

/** Runs programs with enough files for thousands of streams, each on a core of its own. */
export interface Pinned {
  /** What could not be had, for the reader of the figures. */
  readonly remarks: readonly string[];
  start(core: Core, command: readonly string[]): ChildProcess;
}

/** Servers are measured on the first core, whoever loads them is on the second. */
export type Core = 0 | 1;

/** A connection is a file on both sides; both sides have some more. */
const spareFiles = 500;

export function createPinned(connections: number): Pinned {
  const remarks: string[] = [];
  const prefix: string[] = [];
  const files = connections + spareFiles;
  if (works(["prlimit", `--nofile=${files}:${files}`, "true"])) prefix.push("prlimit", `--nofile=${files}:${files}`);
  else if (Number(execFileSync("sh", ["-c", "ulimit -n"])) < files)
    remarks.push(`the limit of open files cannot be raised to ${files}: large fleets will fail`);
  const pins = availableParallelism() > 1 && works(["taskset", "-c", "1", "true"]);
  if (!pins) remarks.push("nothing is pinned to cores (one core, or no taskset)");
  return {
    remarks,
    start(core, command) {
      const [program = "", ...args] = [...prefix, ...(pins ? ["taskset", "-c", String(core)] : []), ...command];
      return spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, GOMAXPROCS: "1" } });
    },
  };
}

/** The program's first line, which is JSON. */
export async function firstLine<Line>(child: ChildProcess): Promise<Line> {
  if (child.stdout === null) throw new Error("its standard output is not read");
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as Line;
  throw new Error(`${child.spawnargs.join(" ")} ended without a line`);
}

export async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function works([program = "", ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
