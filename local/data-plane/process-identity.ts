/** Names a process so that a later one with the same number is not taken for it. */

import { readFile } from "node:fs/promises";
import process from "node:process";

/** A process number and the kernel's start time of that process, in clock ticks since boot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
}

/** The identity of a running process, or undefined if there is none with this number, or one that has ended and was not yet waited for. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (stat === undefined) return undefined;
  // The second field is the name in brackets and may hold spaces; counting starts after it. State is field 3, start time field 22.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  return startTicks === undefined || state === "Z" ? undefined : { pid, startTicks };
}

/** This process. */
export async function identifySelf(): Promise<ProcessIdentity> {
  const self = await identifyProcess(process.pid);
  if (self === undefined) throw new Error("/proc does not show this process");
  return self;
}

/** Whether exactly this process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid);
  return now?.startTicks === identity.startTicks;
}
