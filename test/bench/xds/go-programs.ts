import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../../..");

/** The programs of test/bench/peers, as files. */
export interface GoPrograms {
  readonly client: string;
  readonly server: string;
}

/** Built anew when their source changed; Go keeps what it built. Undefined: there is no Go here. */
export async function buildGoPrograms(): Promise<GoPrograms | undefined> {
  const go = await findGo();
  if (go === undefined) return undefined;
  const folder = join(root, "node_modules/.cache/weft-bench/bin");
  await mkdir(folder, { recursive: true });
  await run(go, ["build", "-o", `${folder}/`, "./..."], { cwd: join(root, "test/bench/peers") });
  return { client: join(folder, "client"), server: join(folder, "server") };
}

async function findGo(): Promise<string | undefined> {
  // Where Go's own archive is unpacked to, which is seldom on the path of a service.
  for (const go of ["go", "/usr/local/go/bin/go"]) {
    try {
      await run(go, ["version"]);
      return go;
    } catch {
      // Not this one.
    }
  }
  return undefined;
}
