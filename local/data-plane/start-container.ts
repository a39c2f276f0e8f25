/** Keeps one program of a pod running by its restart policy. */

import { setTimeout as pause } from "node:timers/promises";
import type { ProgramSpec } from "./shim-messages.ts";
import type { PodShim, ProgramExit, RunningProgram } from "./start-pod-shim.ts";

export type ContainerState =
  | { readonly kind: "waiting"; readonly reason: string; readonly message: string }
  | { readonly kind: "running"; readonly pid: number; readonly startedAt: string }
  | TerminatedState;

export interface TerminatedState {
  readonly kind: "terminated";
  readonly exitCode: number;
  readonly startedAt: string;
  readonly finishedAt: string;
}

export interface RunningContainer {
  readonly name: string;
  readonly state: () => ContainerState;
  readonly lastTermination: () => TerminatedState | undefined;
  readonly restarts: () => number;
  /** Resolves when the program has ended and is not to be started again. */
  readonly completed: Promise<void>;
  /** SIGTERM, after the grace SIGKILL; resolves when it has ended. */
  readonly stop: (graceMs: number) => Promise<void>;
}

export interface ContainerOptions {
  readonly shim: PodShim;
  readonly program: ProgramSpec;
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  readonly restart: { readonly firstMs: number; readonly mostMs: number };
  /** Runs before each start. */
  readonly prepare?: () => Promise<void>;
  readonly onChange: () => void;
}

/** A run this much longer than the longest pause makes the next crash count as the first. */
const STEADY_FACTOR = 2;

export function startContainer(options: ContainerOptions): RunningContainer {
  const { program, onChange, shim } = options;
  const stop = new AbortController();
  let state: ContainerState = { kind: "waiting", reason: "ContainerCreating", message: "" };
  let last: TerminatedState | undefined;
  let restarts = 0;
  let running: RunningProgram | undefined;
  const become = (next: ContainerState): void => {
    state = next;
    onChange();
  };

  const runOnce = async (): Promise<number> => {
    const startedAt = now();
    let exit: ProgramExit;
    try {
      await options.prepare?.();
      running = await shim.start(program);
      become({ kind: "running", pid: running.pid, startedAt });
      if (stop.signal.aborted) shim.signal(program.name, "SIGTERM");
      exit = await running.exit;
    } catch (error) {
      // What a container runtime says of a program that it cannot start.
      exit = { code: 128, signal: null };
      become({ kind: "waiting", reason: "RunContainerError", message: messageOf(error) });
    }
    running = undefined;
    if (state.kind === "running") {
      last = { kind: "terminated", exitCode: exit.code, startedAt, finishedAt: now() };
      become(last);
    }
    return exit.code;
  };

  const run = async (): Promise<void> => {
    let wait = options.restart.firstMs;
    while (!stop.signal.aborted) {
      const begun = Date.now();
      const code = await runOnce();
      const again = options.restartPolicy === "Always" || (options.restartPolicy === "OnFailure" && code !== 0);
      if (!again || stop.signal.aborted) return;
      if (Date.now() - begun > options.restart.mostMs * STEADY_FACTOR) wait = options.restart.firstMs;
      const detail = state.kind === "waiting" ? state.message : `it ended with code ${code}`;
      become({ kind: "waiting", reason: "CrashLoopBackOff", message: `starting again in ${wait} ms: ${detail}` });
      await pause(wait, undefined, { signal: stop.signal }).catch(() => {});
      wait = Math.min(wait * 2, options.restart.mostMs);
      restarts += 1;
    }
  };
  const completed = run();
  return {
    name: program.name,
    state: () => state,
    lastTermination: () => last,
    restarts: () => restarts,
    completed,
    async stop(graceMs) {
      stop.abort();
      if (running !== undefined) shim.signal(program.name, "SIGTERM");
      const timer = setTimeout(() => shim.signal(program.name, "SIGKILL"), graceMs);
      await completed;
      clearTimeout(timer);
    },
  };
}

function now(): string {
  return new Date().toISOString();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
