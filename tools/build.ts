import { build } from "esbuild";

/** Bundles: the functions app as the CommonJS file that package.json#main names (azure.md §1.3), the gateway as one file. */
const common = { bundle: true, platform: "node", target: "node22", sourcemap: true, logLevel: "warning" } as const;

await Promise.all([
  build({
    ...common,
    entryPoints: ["functions/index.ts"],
    outfile: "dist/functions/index.cjs",
    format: "cjs",
    external: ["@azure/functions-core"],
  }),
  build({
    ...common,
    entryPoints: ["gateway/main.ts"],
    outfile: "dist/gateway/main.mjs",
    format: "esm",
    // CommonJS dependencies ask for Node's modules through `require`, which ES modules do not have.
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
  }),
]);
