import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { FaultInjector } from "../faults/fault-injector.ts";
import type { HostFault } from "./faults/host-fault.ts";
import { answerWorker } from "./faults/over-ipc.ts";
import { waitOrAbort } from "./run-with-retries.ts";

/** What a worker says once it takes requests. */
export interface WorkerReady {
  readonly url: string;
  readonly key: string;
  readonly functions: readonly string[];
}

export interface WorkerOptions {
  /** Flags for `worker/main.ts`, without `--port`. */
  readonly args: readonly string[];
  /** 0 takes a free one, which later workers take, too. */
  readonly port: number;
  /** Who decides what befalls it; undefined: nothing. */
  readonly faults: FaultInjector<HostFault> | undefined;
  readonly log: (message: string) => void;
}

/** The app at work, in a process of its own that is started again whenever it dies. Disposing lets it drain. */
export interface RunningWorker extends AsyncDisposable {
  readonly ready: WorkerReady;
  /** Of the worker that runs now. */
  readonly pid: number | undefined;
}

/** Milliseconds before a worker that died is started again: the first and the longest pause. */
const pause = { first: 100, longest: 10_000 };
/** A worker that lived this long is taken for healthy: the next pause is the first one again. */
const healthyAfter = 30_000;

const program = new URL("worker/main.ts", import.meta.url).pathname;

/**
 * Starts the worker, and again when it ends unasked. What it had not finished comes again from the checkpoint, as on the platform when
 * an instance is lost.
 *
 * @throws Error when the first one does not become ready; it has then said why on standard error.
 */
export async function runWorker(options: WorkerOptions): Promise<RunningWorker> {
  const stopping = new AbortController();
  let worker = startWorker(options, options.port);
  const ready = await firstLine(worker);
  if (ready === undefined) throw new WorkerNotStarted();
  const port = Number(new URL(ready.url).port);
  const kept = keepRunning();

  async function keepRunning(): Promise<void> {
    let wait = pause.first;
    for (;;) {
      const startedAt = performance.now();
      const how = await ended(worker);
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > healthyAfter) wait = pause.first;
      options.log(`the worker ended (${how}); starting another in ${wait} ms`);
      await waitOrAbort(wait, stopping.signal);
      wait = Math.min(pause.longest, wait * 2);
      if (stopping.signal.aborted) return;
      worker = startWorker(options, port);
    }
  }

  return {
    ready,
    get pid() {
      return worker.pid;
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      worker.kill("SIGTERM");
      await kept;
    },
  };
}

/** The reason is on standard error already. */
export class WorkerNotStarted extends Error {
  constructor() {
    super("the worker did not start");
    this.name = "WorkerNotStarted";
  }
}

function startWorker({ args, faults }: WorkerOptions, port: number): ChildProcess {
  const flags = [...args, "--port", String(port), ...(faults === undefined ? [] : ["--faults"])];
  const worker = spawn(process.execPath, [program, ...flags], {
    // Its standard input ends with this process, and so does it.
    stdio: ["pipe", "pipe", "inherit", ...(faults === undefined ? [] : (["ipc"] as const))],
  });
  if (faults !== undefined) answerWorker(worker, faults);
  return worker;
}

async function ended(worker: ChildProcess): Promise<string> {
  if (worker.exitCode === null && worker.signalCode === null) await once(worker, "exit");
  return worker.signalCode ?? `exit code ${worker.exitCode ?? "unknown"}`;
}

async function firstLine(worker: ChildProcess): Promise<WorkerReady | undefined> {
  if (worker.stdout === null) return undefined;
  const lines = createInterface({ input: worker.stdout });
  const line = await Promise.race([
    once(lines, "line").then(([text]) => String(text)),
    once(worker, "close").then(() => undefined),
  ]);
  return line === undefined ? undefined : (JSON.parse(line) as WorkerReady);
}
