import { chmod } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { nodeEnvironment, nodeFlags } from "../gateway/node-flags.ts";

const root = resolve(import.meta.dirname, "..");
const common = {
  bundle: true,
  platform: "node",
  sourcemap: true,
  logLevel: "warning",
  absWorkingDir: root,
  // A program's text stays in memory as long as it runs. Names are kept: stack traces are read.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "external",
} as const;

const environment = Object.entries(nodeEnvironment).map(([name, value]) => `${name}=${value}`);

/** How the gateway's program is bundled: one file that can be started as it is, and beside it what it seldom needs. */
export const gatewayBundle = {
  ...common,
  target: "node24",
  format: "esm",
  outExtension: { ".js": ".mjs" },
  splitting: true,
  banner: {
    js: [
      `#!/usr/bin/env -S ${environment.join(" ")} node ${nodeFlags.join(" ")}`,
      // CommonJS dependencies ask for Node's modules through `require`, which ES modules do not have.
      "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    ].join("\n"),
  },
} as const;

/** Where the gateway's bundle is. */
export const gatewayProgram = join(root, "dist/gateway/main.mjs");

/**
 * The functions app as the CommonJS file that package.json#main names (azure.md §1.3), and the gateway as one file; what a gateway seldom needs lies in
 * files of its own beside it.
 */
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
      ...gatewayBundle,
      entryPoints: ["gateway/main.ts"],
      outdir: join(root, "dist/gateway"),
    }).then(() => chmod(gatewayProgram, 0o755)),
  ]);
}
