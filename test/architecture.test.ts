import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractOptions from "dependency-cruiser/config-utl/extract-depcruise-options";
import extractTypeScriptConfig from "dependency-cruiser/config-utl/extract-ts-config";

const root = resolve(import.meta.dirname, "..");
const configuration = join(root, ".dependency-cruiser.cjs");
const folders = ["shared", "functions", "gateway", "local", "infra", "tools", "test"];

/** For each rule a file that breaks it, and what that file imports: a path of the repository, a package or a module of Node. */
const planted: Readonly<Record<string, readonly [file: string, imported: string]>> = {
  "no-cycles": ["gateway/fast/planted-one.ts", "gateway/fast/planted-two.ts"],
  "imports-resolve": ["shared/shell/planted-nowhere.ts", "package-that-is-not-there"],
  "core-imports-no-package": ["shared/core/mesh/planted.ts", "pino"],
  "core-imports-no-io": ["shared/core/state/planted-io.ts", "node:fs"],
  "core-sees-only-core": ["shared/core/trie/planted-port.ts", "shared/ports/clock.ts"],
  "core-words": ["shared/core/brand.ts", "shared/core/state/evolve.ts"],
  "core-events": ["shared/core/events/planted.ts", "shared/core/mesh/mesh.ts"],
  "core-trie": ["shared/core/trie/planted.ts", "shared/core/object.ts"],
  "core-state": ["shared/core/state/planted.ts", "shared/core/xds/resource.ts"],
  "core-policy": ["shared/core/policy/planted.ts", "shared/core/mesh/build-mesh.ts"],
  "core-identity": ["shared/core/identity/planted.ts", "shared/core/state/evolve.ts"],
  "core-mesh": ["shared/core/mesh/planted-xds.ts", "shared/core/xds/resource.ts"],
  "core-xds": ["shared/core/xds/planted.ts", "shared/core/state/evolve.ts"],
  "core-snapshot": ["shared/core/snapshot/planted.ts", "shared/core/stream/step.ts"],
  "core-stream": ["shared/core/stream/planted.ts", "shared/core/mesh/mesh.ts"],
  "generated-code-stays-home": ["gateway/xds/planted-gen.ts", "shared/core/xds/gen/cluster.ts"],
  "ports-see-only-core": ["shared/ports/planted.ts", "shared/shell/retry.ts"],
  "shell-sees-core-and-ports": ["shared/shell/planted.ts", "shared/store/block-store.ts"],
  "store-sees-no-technology": ["shared/store/planted.ts", "shared/adapters/memory/document-store.ts"],
  "adapters-see-ports": ["shared/adapters/azure/planted.ts", "shared/adapters/memory/document-store.ts"],
  "azure-is-named-in-one-place": ["functions/planted-azure.ts", "shared/adapters/azure/cosmos.ts"],
  "adapters-are-chosen-at-the-edge": ["gateway/planted-memory.ts", "shared/adapters/memory/document-store.ts"],
  "functions-see-only-shared": ["functions/planted.ts", "gateway/compose.ts"],
  "gateway-sees-only-shared": ["gateway/planted.ts", "local/start-local-mesh.ts"],
  "gateway-rooms-do-not-see-the-whole": ["gateway/report/planted.ts", "gateway/compose.ts"],
  "gateway-inject-is-pure": ["gateway/inject/planted.ts", "shared/shell/retry.ts"],
  "local-sees-no-test": ["local/planted.ts", "test/support/build.ts"],
  "kubernetes-client-has-one-door": ["gateway/publish/planted-client.ts", "@kubernetes/client-node"],
  "grpc-has-one-door": ["gateway/fast/planted-grpc.ts", "@grpc/grpc-js"],
  "azure-functions-has-one-door": ["functions/planted-trigger.ts", "@azure/functions"],
  "azure-data-has-one-door": ["functions/planted-cosmos.ts", "@azure/cosmos"],
  "azure-identity-has-one-door": ["gateway/follow/planted-credential.ts", "@azure/identity"],
  "forge-has-one-door": ["gateway/xds/planted-forge.ts", "node-forge"],
  "pino-has-one-door": ["gateway/fast/planted-log.ts", "pino"],
  "prometheus-has-one-door": ["gateway/fast/planted-metric.ts", "prom-client"],
  "preact-has-one-door": ["gateway/admin/planted-page.ts", "preact"],
};

test("every rule finds a violation that is planted for it, and nothing where there is none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-architecture-"));
  try {
    for (const [file, imported] of Object.values(planted)) plant(folder, file, imported);
    write(
      folder,
      "gateway/fast/planted-two.ts",
      importOf("gateway/fast/planted-two.ts", "gateway/fast/planted-one.ts"),
    );
    plant(folder, "gateway/kubernetes/lawful.ts", "@kubernetes/client-node");
    const { modules, summary } = await read(folder);
    const found = new Set(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`));
    const expected = Object.entries(planted).map(([rule, [file]]) => `${rule}: ${file}`);
    assert.deepEqual(
      expected.filter((violation) => !found.has(violation)),
      [],
    );
    assert.ok(modules.length > expected.length);
    assert.deepEqual(
      [...found].filter((violation) => violation.endsWith("lawful.ts")),
      [],
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("every rule has its planted violation", () => {
  const { forbidden } = createRequire(import.meta.url)(configuration) as { forbidden: readonly { name: string }[] };
  assert.deepEqual(forbidden.map(({ name }) => name).sort(), Object.keys(planted).sort());
});

test("the repository keeps to the rules, and all of it was read", async () => {
  const { modules, summary } = await read(root);
  const readFiles = new Set(modules.map(({ source }) => source));
  const files = folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
    )
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"));
  assert.deepEqual(
    files.filter((file) => !readFiles.has(file)),
    [],
  );
  assert.deepEqual(
    summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`),
    [],
  );
});

async function read(folder: string): Promise<ICruiseResult> {
  const options = { ...(await extractOptions(configuration)), baseDir: folder, validate: true };
  const present = readdirSync(folder).filter((name) => folders.includes(name));
  const tsConfig = extractTypeScriptConfig(join(root, "tsconfig.json"));
  const { output } = await cruise(present, options, undefined, { tsConfig });
  assert.ok(typeof output === "object");
  return output;
}

/** A file that imports `imported`, which is made too: as a module of the tree, or as a package beside it. */
function plant(folder: string, file: string, imported: string): void {
  write(folder, file, importOf(file, imported));
  if (imported.endsWith(".ts") && !(imported in planted)) write(folder, imported, "export const there = 1;\n", "keep");
  else if (!imported.startsWith("node:") && imported !== "package-that-is-not-there") {
    write(folder, `node_modules/${imported}/package.json`, JSON.stringify({ name: imported, main: "index.js" }));
    write(folder, `node_modules/${imported}/index.js`, "module.exports = {};\n");
  }
}

function importOf(file: string, imported: string): string {
  const path = relative(dirname(file), imported);
  const specifier = imported.endsWith(".ts") ? (path.startsWith(".") ? path : `./${path}`) : imported;
  return `import "${specifier}";\nexport const planted = 1;\n`;
}

function write(folder: string, file: string, text: string, ifThere: "keep" | "replace" = "replace"): void {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { flag: ifThere === "keep" ? "a" : "w" });
}
