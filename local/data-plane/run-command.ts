/** Runs one program to its end: the door to `ip`, `iptables-restore`, `pip` and the like. */

import { spawn } from "node:child_process";
import process from "node:process";

/** Tools such as `ip` live where the PATH of a plain user does not look. */
const SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin";

export interface CommandOptions {
  /** Written to the program's standard input. */
  readonly input?: string;
  /** Called for every complete line of either output as it comes. */
  readonly onLine?: (line: string) => void;
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Milliseconds after which the program is killed and the command fails. Default 60,000. */
  readonly timeoutMs?: number;
}

/** A program that could not be started, or ended with a code other than 0. `output` is the end of what it said. */
export class CommandError extends Error {
  readonly command: string;
  readonly output: string;

  constructor(command: string, reason: string, output: string) {
    super(`${command}: ${reason}${output === "" ? "" : `: ${output}`}`);
    this.name = "CommandError";
    this.command = command;
    this.output = output;
  }
}

/** PATH with the system's folders added. */
export function commandPath(): string {
  const path = process.env["PATH"] ?? "/usr/bin:/bin";
  return `${path}:${SYSTEM_FOLDERS}`;
}

/** Runs `argv` and returns its standard output; fails with `CommandError`. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const [program = "", ...args] = argv;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(program, args, {
    env: { ...process.env, PATH: commandPath(), LC_ALL: "C", ...options.environment },
    stdio: "pipe",
  });
  let stdout = "";
  let stderr = "";
  const name = argv.slice(0, 4).join(" ");
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 60_000);
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  if (options.onLine !== undefined) {
    eachLine(child.stdout, options.onLine);
    eachLine(child.stderr, options.onLine);
  }
  // A program may end before it has read its input; its exit code tells what there is to tell.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  child.once("error", (error) => reject(new CommandError(name, error.message, "")));
  child.once("close", (code, signal) => {
    clearTimeout(timer);
    if (code === 0) resolve(stdout);
    else reject(new CommandError(name, `ended with ${signal ?? `code ${code}`}`, lastWords(stderr, stdout)));
  });
  return promise;
}

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = "";
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split(/\r?\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") onLine(line.trim());
  });
}

function lastWords(stderr: string, stdout: string): string {
  const text = stderr.trim() === "" ? stdout : stderr;
  return text.trim().split("\n").slice(-3).join(" ").slice(-600);
}
