import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PartProcess } from "./part-process.ts";

/** What `npm run local:status` reads: one file a running local mesh, named by the process that runs it. */
export interface LocalMeshState {
  readonly pid: number;
  readonly parts: readonly { readonly name: string; readonly pid: number; readonly address: string }[];
}

const folder = join(tmpdir(), "weft-local");

export interface StateFile extends AsyncDisposable {
  /** The parts have other pids now. */
  readonly update: () => Promise<void>;
}

export async function createStateFile(parts: () => readonly PartProcess<unknown>[]): Promise<StateFile> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${process.pid}.json`);
  const update = async (): Promise<void> => {
    const state: LocalMeshState = {
      pid: process.pid,
      parts: parts().map(({ name, pid, ready }) => ({
        name,
        pid,
        address: (ready as { readonly address?: string }).address ?? "",
      })),
    };
    await writeFile(file, JSON.stringify(state));
  };
  await update();
  return { update, [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

export async function readStateFiles(): Promise<readonly LocalMeshState[]> {
  const files = await readdir(folder).catch(() => []);
  const states = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(folder, file), "utf8")) as LocalMeshState),
  );
  return states.sort((a, b) => a.pid - b.pid);
}
