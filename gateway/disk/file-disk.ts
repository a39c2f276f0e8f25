import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Disk } from "./disk.ts";

/** Ends the names of files that are being written. */
const unfinished = ".unfinished";

/** A folder of the file system; it is made when something is written there. */
export function openFileDisk(folder: string): Disk {
  return {
    read: (file) => ifThere(() => readFile(join(folder, file))),
    readPart: (file, { start, end }) =>
      ifThere(async () => {
        const opened = await open(join(folder, file), "r");
        try {
          const { buffer, bytesRead } = await opened.read(Buffer.alloc(end - start), 0, end - start, start);
          return buffer.subarray(0, bytesRead);
        } finally {
          await opened.close();
        }
      }),
    async replace(file, content) {
      await mkdir(folder, { recursive: true });
      const next = join(folder, file + unfinished);
      try {
        await writeSynced(next, content);
        await rename(next, join(folder, file));
      } catch (error) {
        await rm(next, { force: true }); // a full disk is not made fuller
        throw error;
      }
      await syncFolder(folder);
    },
    remove: (file) => rm(join(folder, file), { force: true }),
    files: async () => (await ifThere(() => readdir(folder))) ?? [],
    within: (inner) => openFileDisk(join(folder, inner)),
  };
}

async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** A rename is durable once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
