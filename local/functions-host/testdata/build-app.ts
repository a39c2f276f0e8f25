import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The tests' app, bundled as the product's is. */
export interface BuiltApp extends AsyncDisposable {
  readonly bundle: string;
  /** A folder of the test's own, removed with the bundle. */
  readonly directory: string;
}

export async function buildApp(): Promise<BuiltApp> {
  const directory = await mkdtemp(join(tmpdir(), "functions-app-"));
  const bundle = join(directory, "index.cjs");
  await build({
    entryPoints: [fileURLToPath(new URL("app.ts", import.meta.url))],
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["@azure/functions-core"],
    logLevel: "error",
  });
  return {
    bundle,
    directory,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
