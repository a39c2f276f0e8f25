import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { before, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { listNamespaces } from "../../local/data-plane/node-network.ts";
import { identifyProcess } from "../../local/data-plane/process-identity.ts";
import { reserveNode } from "../../local/data-plane/reserve-node.ts";
import { setUp } from "../../local/data-plane/setup.ts";
import type { WalkResult } from "../../local/demo/walk.ts";
import { type LocalMeshState, readStateFiles } from "../../local/state-file.ts";
import { eventually } from "../support/eventually.ts";
import { wrongCells } from "./wrong-cells.ts";

/** The main job, as a person starts it: a child process, its output, its exit code, and what it leaves behind. */

const root = resolve(import.meta.dirname, "../..");
const timeout = 600_000;
let reason: string | undefined;

before(async () => {
  const machine = await setUp({ environment: process.env, install: false, report: () => undefined });
  reason = machine.ok ? undefined : machine.problems.join("; ");
});

function start(
  ...flags: readonly string[]
): ChildProcess & { readonly stdout: NodeJS.ReadableStream; readonly pid: number } {
  const child = spawn(process.execPath, [resolve(root, "local/main.ts"), "--no-install", ...flags], {
    cwd: root,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return child as ReturnType<typeof start>;
}

/** The parts of the local mesh that this process runs, once all are up: it gives up by itself when one of them takes too long. */
async function stateOf(child: ReturnType<typeof start>): Promise<LocalMeshState> {
  while (child.exitCode === null && child.signalCode === null) {
    // A file that another one is just writing cannot be read.
    const states = await readStateFiles().catch(() => []);
    const own = states.find(({ pid }) => pid === child.pid);
    if (own !== undefined) return own;
    await pause(50);
  }
  throw new Error(`it ended before all parts were up: ${child.signalCode ?? `exit code ${child.exitCode}`}`);
}

async function assertNothingLeft(parts: LocalMeshState["parts"], namespaces: readonly string[]): Promise<void> {
  await untilEnded(parts);
  await eventually("all network namespaces are gone", async () =>
    (await listNamespaces()).every((name) => namespaces.includes(name)),
  );
}

function untilEnded(parts: LocalMeshState["parts"]): Promise<unknown> {
  return eventually("all parts have ended", async () => (await running(parts)).length === 0);
}

async function running(parts: LocalMeshState["parts"]): Promise<readonly unknown[]> {
  const found = await Promise.all(parts.map(({ pid }) => identifyProcess(pid)));
  return found.filter((identity) => identity !== undefined);
}

test("npm start -- --exit walks the bookstore's rows, every cell as expected, and leaves nothing behind", {
  timeout,
}, async (context: TestContext) => {
  if (reason !== undefined) return context.skip(reason);
  const namespaces = await listNamespaces();
  const child = start("--exit", "--output", "json");
  const exited = once(child, "exit");
  const [output, { parts }] = await Promise.all([text(child.stdout), stateOf(child)]);
  const [code] = await exited;
  const { ok, steps } = JSON.parse(output) as WalkResult;
  assert.deepEqual(wrongCells(steps), []);
  assert.deepEqual(
    steps.map(({ name }) => name.split(" ")[0]),
    ["1", "2", "3", "4", "5a", "5b", "6", "7"],
  );
  for (const { ackMs, cells } of steps) {
    assert.equal(typeof ackMs, "number");
    assert.equal(cells.length, 7);
  }
  assert.deepEqual([ok, code], [true, 0]);
  assert.deepEqual(parts.map(({ name }) => name).sort(), [
    "cosmos",
    "data-plane",
    "event-hubs",
    "functions-host",
    "gateway",
    "kubernetes",
  ]);
  await assertNothingLeft(parts, namespaces);
});

test("Ctrl-C in the middle of the demo ends every part and removes every namespace", {
  timeout,
}, async (context: TestContext) => {
  if (reason !== undefined) return context.skip(reason);
  const namespaces = await listNamespaces();
  const { parts } = await interrupt("SIGINT");
  await assertNothingLeft(parts, namespaces);
});

test("kill -9 of whoever runs the demo ends every part; the next one clears what is left", {
  timeout,
}, async (context: TestContext) => {
  if (reason !== undefined) return context.skip(reason);
  const namespaces = await listNamespaces();
  const { parts } = await interrupt("SIGKILL");
  await untilEnded(parts);
  const next = await reserveNode();
  await next[Symbol.asyncDispose]();
  await assertNothingLeft(parts, namespaces);
});

async function interrupt(signal: NodeJS.Signals): Promise<LocalMeshState> {
  const child = start("--exit", "--output", "json");
  const exited = once(child, "exit");
  const state = await stateOf(child);
  assert.equal((await running(state.parts)).length, state.parts.length);
  child.kill(signal);
  await exited;
  return state;
}
