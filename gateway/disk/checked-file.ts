import { contentHash } from "../../shared/core/canonical.ts";
import type { Disk } from "./disk.ts";

/** A JSON value in a file of its own, below the hash of its text. */
export async function writeChecked(disk: Disk, file: string, value: unknown): Promise<void> {
  const text = JSON.stringify(value);
  await disk.replace(file, `${contentHash(text)}\n${text}`);
}

/** Undefined when there is none, or it is not what its hash says. */
export async function readChecked(disk: Disk, file: string): Promise<unknown> {
  const stored = await disk.read(file);
  if (stored === undefined) return undefined;
  const end = stored.indexOf("\n");
  const text = stored.toString("utf8", end + 1);
  return end > 0 && contentHash(text) === stored.toString("utf8", 0, end) ? JSON.parse(text) : undefined;
}
