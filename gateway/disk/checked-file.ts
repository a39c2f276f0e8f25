import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { contentHash } from "../../shared/core/canonical.ts";

/** Ends the names of files that are being written. */
const unfinished = ".unfinished";

/** Replaces a file as a whole: whoever reads it, also after a crash or a loss of power, finds all of the old one or all of the new one. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const next = path + unfinished;
  try {
    const file = await open(next, "w", 0o600);
    try {
      await file.writeFile(content);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true }); // a full disk is not made fuller
    throw error;
  }
  await syncFolder(dirname(path));
}

/** A JSON value in a file of its own, below the hash of its text. */
export async function writeChecked(path: string, value: unknown): Promise<void> {
  const text = JSON.stringify(value);
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, `${contentHash(text)}\n${text}`);
}

/** Undefined when there is none, or it is not what its hash says. */
export async function readChecked(path: string): Promise<unknown> {
  const stored = await readIfThere(path);
  if (stored === undefined) return undefined;
  const end = stored.indexOf("\n");
  const text = stored.toString("utf8", end + 1);
  return end > 0 && contentHash(text) === stored.toString("utf8", 0, end) ? JSON.parse(text) : undefined;
}

export function readIfThere(path: string): Promise<Buffer | undefined> {
  return ifThere(() => readFile(path));
}

/** Bytes from `start` up to `end` of a file, fewer when it is shorter. */
export function readPart(
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Buffer | undefined> {
  return ifThere(async () => {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  });
}

async function ifThere(read: () => Promise<Buffer>): Promise<Buffer | undefined> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
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
