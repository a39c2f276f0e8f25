import { join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const common = { bundle: true, platform: "node", sourcemap: true, logLevel: "warning", absWorkingDir: root } as const;

/** The functions app as the CommonJS file that package.json#main names (azure.md §1.3), and the gateway as one file. */
export async function buildBundles(): Promise<void> {
  await Promise.all([
    build({
      ...common,
      target: "node22",
      format: "cjs",
      entryPoints: ["functions/index.ts"],
      outfile: join(root, "dist/functions/index.cjs"),
      external: ["@azure/functions-core"],
    }),
    build({
      ...common,
      target: "node24",
      format: "esm",
      entryPoints: ["gateway/main.ts"],
      outfile: join(root, "dist/gateway/main.mjs"),
      // CommonJS dependencies ask for Node's modules through `require`, which ES modules do not have.
      banner: {
        js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
      },
    }),
  ]);
}
