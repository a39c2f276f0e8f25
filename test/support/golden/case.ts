import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createMemo } from "../memo.ts";
import { type CaseFiles, inputs, type ReadFile, type Stage, stages } from "./stages.ts";
import { parseYaml, parseYamlDocuments, yamlText } from "./yaml-text.ts";

/** A folder of test/golden: input files, and the files that the stages make of them. */
export interface GoldenCase {
  readonly name: string;
  readonly folder: string;
  /** Text by name of the file, without `.yaml`. */
  readonly files: ReadonlyMap<string, string>;
  /** Names of files that no case has. */
  readonly strangers: readonly string[];
}

export const goldenRoot = join(import.meta.dirname, "../../golden");

export async function readCases(root = goldenRoot): Promise<readonly GoldenCase[]> {
  const names = (await readdir(root)).sort();
  return Promise.all(names.map((name) => readCase(root, name)));
}

async function readCase(root: string, name: string): Promise<GoldenCase> {
  const folder = join(root, name);
  const files = new Map<string, string>();
  const strangers: string[] = [];
  for (const file of (await readdir(folder)).sort()) {
    const known = [...inputs, ...stages.map((stage) => stage.name)].find((one) => file === `${one}.yaml`);
    if (known === undefined) strangers.push(file);
    else files.set(known, await readFile(join(folder, file), "utf8"));
  }
  return { name, folder, files, strangers };
}

/** Reads the files of a case as what they are. Asking for one that is missing throws, but for `settings`. */
export function readerOf(files: ReadonlyMap<string, string>): ReadFile {
  return <Name extends keyof CaseFiles>(name: Name): CaseFiles[Name] => {
    const text = files.get(name);
    if (text === undefined) {
      if (name === "settings") return undefined as CaseFiles[Name];
      throw new Error(`${name}.yaml is missing`);
    }
    return (name === "cluster" ? parseYamlDocuments(text) : parsedOnce(text)) as CaseFiles[Name];
  };
}

const parsed = createMemo<unknown>();

/** Several stages read one file, and nothing changes what it has read. */
function parsedOnce(text: string): unknown {
  return parsed(text, () => parseYaml(text));
}

/** The text that a stage's file should have, made from the file before it; undefined: there should be none. */
async function makeFile(files: ReadonlyMap<string, string>, stage: Stage): Promise<string | undefined> {
  const value = await stage.make(readerOf(files));
  return value === undefined ? undefined : yamlText(value);
}

/** What is wrong with the file of a stage, in a sentence; undefined: nothing. */
export async function stageFault(files: ReadonlyMap<string, string>, stage: Stage): Promise<string | undefined> {
  const written = files.get(stage.name);
  const made = await makeFile(files, stage);
  if (made === written) return undefined;
  if (written === undefined) return `${stage.name}.yaml is missing`;
  if (made === undefined) return `${stage.name}.yaml is one that no stage makes any more`;
  const [writtenLines, madeLines] = [written.split("\n"), made.split("\n")];
  const line = madeLines.findIndex((text, index) => text !== writtenLines[index]);
  if (line < 0) return `${stage.name}.yaml has lines at its end that are no longer made`;
  return `${stage.name}.yaml, line ${line + 1}: written «${writtenLines[line]}», made «${madeLines[line]}»`;
}

/** Writes every made file anew, each from the one just written. Returns which stages' files changed. */
export async function rewriteCase({ name, folder, files, strangers }: GoldenCase): Promise<readonly string[]> {
  if (!files.has("cluster")) throw new Error(`${name} has no cluster.yaml`);
  const current = new Map(files);
  const changed: string[] = [];
  for (const stage of stages) {
    const text = await makeFile(current, stage);
    const path = join(folder, `${stage.name}.yaml`);
    if (text === current.get(stage.name)) continue;
    changed.push(`${stage.name} ${text === undefined ? "removed" : current.has(stage.name) ? "changed" : "added"}`);
    if (text === undefined) {
      current.delete(stage.name);
      await rm(path);
    } else {
      current.set(stage.name, text);
      await mkdir(folder, { recursive: true });
      await writeFile(path, text);
    }
  }
  for (const stranger of strangers) {
    changed.push(`${stranger} removed`);
    await rm(join(folder, stranger), { recursive: true });
  }
  return changed;
}
