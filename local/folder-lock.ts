import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface FolderLock {
  release(): void;
}

/**
 * Takes a folder for this process, so that two servers never write the same logs. A lock whose process is gone (kill -9)
 * is taken over.
 *
 * @throws Error when another process has it
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, "lock");
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(path, `${process.pid} ${startTime(process.pid)}`, { flag: "wx", mode: 0o600 });
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const [owner = "", started = ""] = readFileSync(path, "utf8").split(" ");
      if (isRunning(Number(owner), started)) {
        throw new Error(`the folder ${folder} is in use by process ${owner}`, { cause: error });
      }
      rmSync(path, { force: true });
    }
  }
  throw new Error(`the folder ${folder} cannot be locked`);
}

/** Whether the process that wrote the lock still runs; another one may have got its number since. */
function isRunning(pid: number, started: string): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  const current = startTime(pid);
  return current === "" || current === started;
}

/** When a process began, in the kernel's own count; "" where that cannot be known. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
