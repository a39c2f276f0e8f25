/** Puts the objects of YAML files in place, as `kubectl apply` would. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { isRecord, textOf } from "./json.ts";
import type { Kind } from "./kinds/kind.ts";
import { patchObject } from "./operations/patch.ts";
import type { World } from "./world.ts";

function readDocuments(path: string): readonly (readonly [file: string, value: unknown])[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => /\.ya?ml$/.test(name))
        .sort()
        .map((name) => join(path, name))
    : [path];
  return files.flatMap((file) => parsed(readFileSync(file, "utf8")).map((value) => [file, value] as const));
}

/** What was read last, by its text: a process that starts server after server, as tests do, parses the same definitions once. */
const known = new Map<string, readonly unknown[]>();
const mostKnown = 32;

function parsed(text: string): readonly unknown[] {
  const values = known.get(text) ?? parseAllDocuments(text).map((document) => document.toJS() as unknown);
  if (known.size >= mostKnown) known.clear();
  known.set(text, values);
  return structuredClone(values);
}

function kindOf(world: World, value: Readonly<Record<string, unknown>>): Kind | undefined {
  const [group, version] = `/${textOf(value["apiVersion"])}`.split("/").slice(-2);
  return world.registry
    .kinds()
    .find((kind) => kind.group === group && kind.version === version && kind.kind === value["kind"]);
}

/** Applies all objects of a file or folder, in the order of file names. Throws an Error that names the file. */
export function applyFolder(world: World, path: string): void {
  for (const [file, value] of readDocuments(path)) {
    if (value === null || value === undefined) continue;
    const kind = isRecord(value) ? kindOf(world, value) : undefined;
    if (kind === undefined || !isRecord(value) || !isRecord(value["metadata"])) {
      throw new Error(`${file}: not an object of a kind that is served`);
    }
    const { name, namespace } = value["metadata"];
    const target = {
      kind,
      namespace: kind.namespaced ? textOf(namespace) || "default" : undefined,
      name: textOf(name),
      subresource: undefined,
    };
    const options = {
      dryRun: false,
      fieldManager: "weft-local",
      fieldValidation: "Strict",
      force: true,
      warn: () => undefined,
    } as const;
    try {
      patchObject(world, target, { type: "application/apply-patch+yaml", patch: value, options });
    } catch (error) {
      throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}
