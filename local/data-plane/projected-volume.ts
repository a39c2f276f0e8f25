/** A volume whose files change all at once, written the way kubelet writes projected volumes. */

import { chmod, chown, mkdir, mkdtemp, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";

export interface VolumeOwner {
  readonly uid: number;
  readonly gid: number;
}

/** The link that names the directory in force; a watcher sees it being moved into place. */
const CURRENT = "..data";

/**
 * Replaces the contents of the volume. Each file is a link through `..data` into a new directory, and the swap of
 * `..data` is one rename, so a reader sees either all old files or all new ones. Files are readable by `owner` only.
 */
export async function writeProjectedVolume(
  directory: string,
  files: Readonly<Record<string, string>>,
  owner: VolumeOwner,
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const before = await readlink(path.join(directory, CURRENT)).catch(() => undefined);
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "_");
  const next = await mkdtemp(path.join(directory, `..${stamp}.`));
  await chmod(next, 0o755);
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(next, name);
    await writeFile(file, text, { mode: 0o600 });
    await chown(file, owner.uid, owner.gid);
  }
  const swap = path.join(directory, "..data_tmp");
  await rm(swap, { force: true });
  await symlink(path.basename(next), swap);
  await rename(swap, path.join(directory, CURRENT));
  for (const name of Object.keys(files)) await linkOnce(directory, name);
  if (before !== undefined) await rm(path.join(directory, before), { recursive: true, force: true });
}

async function linkOnce(directory: string, name: string): Promise<void> {
  try {
    await symlink(path.join(CURRENT, name), path.join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
