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
      writeFileSync(path, String(process.pid), { flag: "wx", mode: 0o600 });
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const owner = Number(readFileSync(path, "utf8"));
      if (isRunning(owner)) throw new Error(`the folder ${folder} is in use by process ${owner}`, { cause: error });
      rmSync(path, { force: true });
    }
  }
  throw new Error(`the folder ${folder} cannot be locked`);
}

function isRunning(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
