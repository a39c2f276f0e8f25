import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";

export interface PartOptions {
  readonly name: string;
  /** Program and arguments, run with this very Node. It prints one line of JSON with `part` when it is ready. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Everything it writes to standard error, and to standard output after the first line. */
  readonly logFile: string;
  /** How long it may take to become ready. Milliseconds. */
  readonly readyLimit: number;
  /** It ended, and nobody had asked it to. */
  readonly onLost: (part: string, how: string) => void;
}

/** A part of the local mesh in a process of its own. Disposing sends SIGTERM, and SIGKILL to one that does not end. */
export interface PartProcess<Ready> extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** The line it printed. */
  readonly ready: Ready;
  readonly running: boolean;
  /** Ends it at once, without a chance to tidy up. */
  readonly kill: () => Promise<void>;
}

const endLimit = 15_000;
/**
 * Loaded before a part's own program: standard input is a pipe from whoever started the part, and when that process is gone, however it went, the pipe
 * ends and so does the part. JavaScript, since what strips types would cost a part that is none of our TypeScript 15 MB.
 */
const endWithParent = `data:text/javascript,${encodeURIComponent(`
process.stdin.on("close", () => process.kill(process.pid, "SIGTERM"));
process.stdin.resume();
process.stdin.unref();
`)}`;

export async function startPart<Ready>(options: PartOptions): Promise<PartProcess<Ready>> {
  const child = spawn(process.execPath, ["--import", endWithParent, ...options.args], {
    env: options.env,
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: Ctrl-C is for us, and we end the parts in their order.
    detached: true,
  });
  const log = createWriteStream(options.logFile, { flags: "a" });
  child.stderr.pipe(log, { end: false });
  const lines = createInterface({ input: child.stdout });
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  let asked = false;
  void exited.then(([code, signal]) => {
    if (!asked) options.onLost(options.name, signal ?? `exit code ${code}`);
  });
  const ready = await firstLine<Ready>(options, { child, lines, exited });
  lines.on("line", (line) => log.write(`${line}\n`));
  return {
    name: options.name,
    pid: child.pid ?? 0,
    ready,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    async kill() {
      asked = true;
      child.kill("SIGKILL");
      await exited;
      log.end();
    },
    async [Symbol.asyncDispose]() {
      asked = true;
      await endChild(child, exited);
      log.end();
    },
  };
}

async function firstLine<Ready>(
  { name, logFile, readyLimit }: PartOptions,
  part: {
    readonly child: ChildProcess;
    readonly lines: ReturnType<typeof createInterface>;
    readonly exited: Promise<[number | null, NodeJS.Signals | null]>;
  },
): Promise<Ready> {
  const failed = part.exited.then(([code, signal]) => {
    throw new Error(`${name} ended before it was ready (${signal ?? `exit code ${code}`}); its log is ${logFile}`);
  });
  const limit = AbortSignal.timeout(readyLimit);
  try {
    const [line] = (await Promise.race([once(part.lines, "line", { signal: limit }), failed])) as [string];
    return JSON.parse(line) as Ready;
  } catch (error) {
    await endChild(part.child, part.exited);
    if (limit.aborted)
      throw new Error(`${name} was not ready after ${readyLimit} ms; its log is ${logFile}`, { cause: error });
    throw error;
  }
}

async function endChild(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), endLimit);
  await exited;
  clearTimeout(timer);
}
