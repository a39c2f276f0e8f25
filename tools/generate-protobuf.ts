/**
 * Generates `shared/core/xds/gen`: TypeScript types and encoders for the Envoy messages we send (ts-proto), and
 * `descriptors.binpb`, from which tests and debug pages decode what was sent (protobuf-es). Needs no network.
 *
 * Does nothing while its inputs are what they were (`gen/.stamp`). The messages come from the API files that @grpc/grpc-js-xds
 * carries; `shared/core/xds/proto` holds what is newer than these.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const repository = resolve(import.meta.dirname, "..");
const xdsFolder = join(repository, "shared/core/xds");
const require = createRequire(import.meta.url);

/** Messages we encode; what they import follows. */
const roots = [
  "envoy/config/cluster/v3/cluster.proto",
  "envoy/config/core/v3/extension.proto",
  "envoy/config/endpoint/v3/endpoint.proto",
  "envoy/config/listener/v3/listener.proto",
  "envoy/config/route/v3/route.proto",
  "envoy/extensions/access_loggers/stats/v3/stats.proto",
  "envoy/extensions/filters/http/rbac/v3/rbac.proto",
  "envoy/extensions/filters/http/router/v3/router.proto",
  "envoy/extensions/filters/listener/original_dst/v3/original_dst.proto",
  "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
  "envoy/extensions/filters/network/rbac/v3/rbac.proto",
  "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
  "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto",
  "envoy/extensions/transport_sockets/tls/v3/secret.proto",
  "envoy/extensions/transport_sockets/tls/v3/tls.proto",
  "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
  "envoy/service/discovery/v3/discovery.proto",
];

const generatorOptions = [
  "annotateFilesWithVersion=false",
  "comments=false",
  "enumsAsLiterals=true",
  "esModuleInterop=true",
  "exportCommonSymbols=false",
  "forceLong=number",
  "importSuffix=.ts",
  "oneof=unions-value",
  "outputClientImpl=false",
  "outputEncodeMethods=encode-no-creation",
  "outputJsonMethods=false",
  "outputPartialMethods=false",
  "outputServices=none",
  "outputTypeAnnotations=static-only",
  "removeEnumPrefix=false",
  "unrecognizedEnum=false",
  "useDate=false",
  "useOptionals=all",
  "useReadonlyTypes=true",
];

interface ProtoFile {
  /** As other files import it. */
  readonly path: string;
  readonly text: string;
}

export function generateProtobuf(): "generated" | "up to date" {
  const target = join(xdsFolder, "gen");
  const files = collect(roots, protoFolders());
  const stamp = stampOf(files);
  const stampFile = join(target, ".stamp");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return "up to date";

  // Beside the target, so that the result can be moved into place at once: two runs at a time do not see half of each other.
  const work = mkdtempSync(join(xdsFolder, ".gen-"));
  try {
    const protoFolder = join(work, "proto");
    for (const file of files) write(join(protoFolder, file.path), file.text);
    const raw = join(work, "raw");
    write(join(protoFolder, "buf.yaml"), JSON.stringify({ version: "v2", modules: [{ path: "." }] }));
    write(
      join(protoFolder, "buf.gen.yaml"),
      JSON.stringify({
        version: "v2",
        plugins: [
          // All files in one call of the plugin: ten times quicker than one call a folder.
          {
            local: [process.execPath, require.resolve("ts-proto/protoc-gen-ts_proto")],
            out: raw,
            opt: generatorOptions,
            strategy: "all",
          },
        ],
      }),
    );
    buf(["generate", "--include-imports", "--include-wkt"], protoFolder);

    const result = join(work, "gen");
    for (const [path, text] of reachable(raw)) write(join(result, path), text);
    buf(["build", "--exclude-source-info", "--output", join(result, "descriptors.binpb")], protoFolder);
    write(join(result, ".stamp"), stamp);
    rmSync(target, { recursive: true, force: true });
    renameSync(result, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return "generated";
}

function protoFolders(): readonly string[] {
  const api = join(dirname(require.resolve("@grpc/grpc-js-xds/package.json")), "deps");
  return [join(xdsFolder, "proto"), ...["envoy-api", "googleapis", "xds"].map((folder) => join(api, folder))];
}

/** The roots and all that they import, sorted, with the validation annotations taken out (the file that defines these is too old for the API). */
function collect(wanted: readonly string[], folders: readonly string[]): readonly ProtoFile[] {
  const found = new Map<string, ProtoFile>();
  const visit = (path: string): void => {
    // buf brings these itself.
    if (found.has(path) || path.startsWith("google/protobuf/")) return;
    const folder = folders.find((candidate) => existsSync(join(candidate, path)));
    if (folder === undefined) throw new Error(`cannot generate protobuf: ${path} is in none of ${folders.join(", ")}`);
    const text = withoutValidation(readFileSync(join(folder, path), "utf8").replaceAll("\r\n", "\n"));
    found.set(path, { path, text });
    for (const [, imported] of text.matchAll(/^import (?:public )?"([^"]+)";/gm)) {
      if (imported !== undefined) visit(imported);
    }
  };
  for (const path of wanted) visit(path);
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** `string name = 1 [(validate.rules).string = {min_len: 1}, deprecated = true];` → `string name = 1 [deprecated = true];` */
function withoutValidation(text: string): string {
  let result = text
    .replaceAll(/^import "validate\/validate\.proto";\n/gm, "")
    .replaceAll(/^\s*option \(validate\.required\) = true;\n/gm, "");
  for (;;) {
    const start = result.indexOf("(validate.");
    if (start < 0) return result.replaceAll(/\s*\[\s*\](?=\s*;)/g, "");
    const end = endOfOption(result, start);
    const before = result.slice(0, start);
    const after = result.slice(end);
    const followed = /^\s*,\s*/.exec(after);
    result = followed === null ? before.replace(/,\s*$/, "") + after : before + after.slice(followed[0].length);
  }
}

/** Index of the `,` or `]` that ends the field option beginning at `start`. */
function endOfOption(text: string, start: number): number {
  let depth = 0;
  let quote = "";
  for (let index = start; index < text.length; index++) {
    const character = text.charAt(index);
    if (quote !== "") {
      if (character === "\\") index++;
      else if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}") depth--;
    else if (character === "]") {
      if (depth === 0) return index;
      depth--;
    } else if (character === "," && depth === 0) return index;
  }
  throw new Error("cannot generate protobuf: a validation option does not end");
}

/** Generated files that the roots need at run time or as types; the rest (annotations, descriptors) is left out. */
function reachable(folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    const text = readFileSync(join(folder, path), "utf8");
    found.set(path, withOwnWriter(text, path));
    for (const [, imported] of text.matchAll(/ from "(\.[^"]+)";/g)) {
      if (imported !== undefined) visit(relative(folder, resolve(folder, dirname(path), imported)));
    }
  };
  for (const root of roots) visit(root.replace(/\.proto$/, ".ts"));
  return found;
}

/** Our writer in place of the library's: the same bytes, many times quicker (shared/core/xds/wire-writer.ts). */
function withOwnWriter(text: string, path: string): string {
  const up = "../".repeat(path.split("/").length);
  const own = text
    .replace(
      /^import \{ BinaryWriter \} from "@bufbuild\/protobuf\/wire";$/m,
      `import { WireWriter } from "${up}wire-writer.ts";`,
    )
    .replaceAll("BinaryWriter", "WireWriter");
  return `// @ts-nocheck generated; its types are read, its code is not ours to lint\n${own}`;
}

/** Whatever could change the result: options, inputs, versions of the tools, this program. */
function stampOf(files: readonly ProtoFile[]): string {
  const hash = createHash("sha256");
  hash.update(readFileSync(import.meta.filename));
  for (const tool of ["ts-proto", "@bufbuild/buf"]) hash.update(readFileSync(require.resolve(`${tool}/package.json`)));
  for (const file of files) hash.update(`${file.path}\0${file.text}\0`);
  return hash.digest("hex");
}

function buf(args: readonly string[], cwd: string): void {
  const program = require.resolve("@bufbuild/buf/bin/buf");
  const run = spawnSync(process.execPath, [program, ...args], { cwd, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`buf ${args[0]} failed: ${run.error?.message ?? ""}${run.stdout}${run.stderr}`);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const outcome = generateProtobuf();
  if (outcome === "generated")
    process.stdout.write(
      `protobuf: ${readdirSync(join(xdsFolder, "gen"), { recursive: true }).length} files generated\n`,
    );
}
