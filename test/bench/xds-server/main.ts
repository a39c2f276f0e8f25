import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { gatewayNodeFlags } from "./node-flags.ts";

const root = resolve(import.meta.dirname, "../../..");
const program = fileURLToPath(new URL("./program.ts", import.meta.url));
const bundle = join(root, "node_modules/.cache/weft-bench/xds-server.mjs");

/** As the gateway runs: one bundled file, and the same flags. This process becomes that program, so a signal or a number of it means the server. */
buildSync({
  entryPoints: [program],
  outfile: bundle,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  logLevel: "warning",
  banner: {
    js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
  },
});
process.execve?.(
  process.execPath,
  [process.execPath, ...gatewayNodeFlags, bundle, ...process.argv.slice(2)],
  process.env,
);
