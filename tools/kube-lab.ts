/** A real Kubernetes API server for the tests that want one: one that is given, or a lab that is started and ended here. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

export interface KubeLabOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The lab's scripts: build.sh, up.sh and down.sh. */
  readonly scripts: string;
  readonly report: (line: string) => void;
  /** Milliseconds. */
  readonly buildLimit?: number;
}

/** A lab that runs, or why there is none. Disposing ends what was started here; what was given runs on. */
export interface KubeLab extends AsyncDisposable {
  readonly kubeconfig: string | undefined;
  readonly missing: string | undefined;
}

/** Names the kubeconfig of a server to test. */
export const labVariable = "WEFT_KUBE_LAB";

/** From an empty cache the programs take about ten minutes. */
const defaultBuildLimit = 25 * 60_000;
const startLimit = 3 * 60_000;

/** Never rejects: without a lab the tests that want one are told why. */
export async function openKubeLab(options: KubeLabOptions): Promise<KubeLab> {
  const given = options.environment[labVariable];
  if (given !== undefined && given !== "") return withoutEnd({ kubeconfig: resolve(given), missing: undefined });
  if (!existsSync(join(options.scripts, "up.sh"))) return none(`${labVariable} is not set, and no lab lies beside us`);
  try {
    await build(options);
    return await start(options);
  } catch (error) {
    return none(error instanceof Error ? error.message : String(error));
  }
}

const withoutEnd = (lab: Pick<KubeLab, "kubeconfig" | "missing">): KubeLab => ({
  ...lab,
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

const none = (why: string): KubeLab => withoutEnd({ kubeconfig: undefined, missing: why });

/** Runs build.sh, and ends it with all that it started when our end of its input closes. */
const builder = `{ read -r _; kill -KILL 0; } <&0 &
nice -n 10 "$0/build.sh" < /dev/null
code=$?
kill $!
exit $code`;

/** Does nothing when all is built. A build that takes too long, or that nobody waits for any more, is ended. */
async function build({ scripts, environment, report, buildLimit = defaultBuildLimit }: KubeLabOptions): Promise<void> {
  const child = spawn("bash", ["-c", builder, scripts], { env: environment, stdio: "pipe", detached: true });
  const said = lastLine(child);
  child.stdout.once("data", (chunk: Buffer) => {
    if (chunk.toString().startsWith("building")) report("building a real Kubernetes, once; this takes some minutes");
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.stdin.end();
  }, buildLimit);
  const code = await exitOf(child);
  clearTimeout(timer);
  if (late) throw new Error(`its build took longer than ${buildLimit / 60_000} minutes`);
  if (code !== 0) throw new Error(`its build failed: ${said()}`);
}

/**
 * Runs up.sh, then waits for the end of its input, then runs down.sh and removes the folder. Its input ends when we close it or die, however we die, and nothing else ends it:
 * so no lab is left behind.
 */
const keeper = `trap '"$0/down.sh" --dir "$1/lab"; rm -rf "$1"' EXIT
trap '' INT TERM HUP
"$0/up.sh" --dir "$1/lab" < /dev/null && cat > /dev/null`;

async function start({ scripts, environment }: KubeLabOptions): Promise<KubeLab> {
  const folder = await mkdtemp(join(tmpdir(), "weft-kube-lab-"));
  const child = spawn("bash", ["-c", keeper, scripts, folder], { env: environment, stdio: "pipe", detached: true });
  const said = lastLine(child);
  const exited = exitOf(child);
  const end = async (): Promise<void> => {
    child.stdin.end();
    await exited;
  };
  const up = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const found = /^export KUBECONFIG=(.+)$/.exec(line)?.[1];
    if (found !== undefined) up.resolve(found);
  });
  void exited.then(() => up.reject(new Error(`it did not start: ${said()}`)));
  const timer = setTimeout(() => up.reject(new Error(`it was not up after ${startLimit / 1000} s`)), startLimit);
  try {
    const kubeconfig = await up.promise;
    return { kubeconfig, missing: undefined, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What a program said last on standard error; one that cannot be started says why. */
function lastLine(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-4096);
  });
  child.on("error", (error) => {
    text = error.message;
  });
  return () => text.trim().split("\n").at(-1) || "it said nothing";
}

/** The exit code; null for a program that was killed or could not be started. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    return code;
  } catch {
    return null; // lastLine tells
  }
}
