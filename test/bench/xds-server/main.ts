import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { nodeEnvironment, nodeFlags } from "../../../gateway/node-flags.ts";
import { gatewayBundle } from "../../../tools/build-bundles.ts";

const root = resolve(import.meta.dirname, "../../..");
const folder = join(root, "node_modules/.cache/weft-bench/xds-server");

/** As the gateway runs: bundled, with its flags and its environment. This process becomes that program, so a signal to it or its number means the server. */
buildSync({
  ...gatewayBundle,
  entryPoints: [fileURLToPath(new URL("./program.ts", import.meta.url))],
  outdir: folder,
});
const command = [process.execPath, ...nodeFlags, join(folder, "program.mjs"), ...process.argv.slice(2)];
process.execve?.(process.execPath, command, { ...process.env, ...nodeEnvironment });
