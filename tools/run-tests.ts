/** Several runs of node:test as one: one stream of events, one report, one summary at its end. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec, type TestEvent } from "node:test/reporters";
import { pathToFileURL } from "node:url";
import type { TestGroup, TestPhase } from "./test-suites.ts";

/** A file that cannot run here, and why. */
export interface SkippedFile {
  readonly file: string;
  readonly reason: string;
}

export interface TestRunOptions {
  readonly root: string;
  readonly phases: readonly TestPhase[];
  readonly skipped: readonly SkippedFile[];
  /** Lines to stand before the summary. */
  readonly remarks: readonly string[];
}

/** Runs the phases one after the other and prints a report; true when nothing failed. */
export async function runTests(options: TestRunOptions): Promise<boolean> {
  const totals = new Map<string, number>();
  await pipeline(Readable.from(asOneRun(options, totals)), new spec(), process.stdout, { end: false });
  return (totals.get("fail") ?? 0) + (totals.get("cancelled") ?? 0) === 0;
}

/** Tests make much and keep little: with room for it less is copied. Megabytes. */
const roomForShortLives = "--max-semi-space-size=64";

async function* runPhase(root: string, phase: TestPhase): AsyncGenerator<TestEvent, void> {
  const { groups, concurrency, timeout, limit } = phase;
  const signal = AbortSignal.timeout(limit);
  // Without a file named, node:test would look for some by itself.
  if (groups.length > 0)
    yield* run({
      cwd: root,
      files: groups.map((group) => fileOf(root, group)),
      execArgv: [roomForShortLives],
      concurrency,
      timeout,
      signal,
    });
  await phase.held?.[Symbol.asyncDispose]();
}

/** node:test gives each file a process; files that share one are imported by a file of theirs. */
function fileOf(root: string, group: TestGroup): string {
  const [first, ...others] = group;
  if (first !== undefined && others.length === 0) return join(root, first);
  const folder = join(root, "node_modules/.cache/tests");
  const path = join(folder, `${first?.replaceAll("/", "-")}-and-${others.length}-others.mjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, group.map((file) => `import "${pathToFileURL(join(root, file)).href}";\n`).join(""));
  return path;
}

/** The events of all runs, with their summaries added up into one that stands at the end. */
async function* asOneRun(
  { root, phases, skipped, remarks }: TestRunOptions,
  totals: Map<string, number>,
): AsyncGenerator<TestEvent, void> {
  const add = (name: string, value: number): void => void totals.set(name, (totals.get(name) ?? 0) + value);
  let end: TestEvent | undefined;
  for (const phase of phases) {
    for await (const event of runPhase(root, phase)) {
      const count = summaryCount(event);
      if (count !== undefined) add(count.name, count.value);
      else if (event.type === "test:summary" && event.data.file === undefined) end = event;
      else yield event;
    }
  }
  for (const { file, reason } of skipped) {
    yield {
      type: "test:pass",
      data: {
        name: file,
        nesting: 0,
        testNumber: 0,
        testId: 0,
        parentId: undefined,
        tags: [],
        skip: reason,
        details: { duration_ms: 0 },
      },
    };
    add("tests", 1);
    add("skipped", 1);
  }
  for (const remark of remarks) yield { type: "test:stdout", data: { file: "", message: `${remark}\n` } };
  // At this event the reporter lists what failed: once, and before the summary.
  if (end !== undefined) yield end;
  for (const [name, value] of totals) {
    yield { type: "test:diagnostic", data: { nesting: 0, message: `${name} ${value}`, level: "info" } };
  }
}

/** A line of a run's summary: `pass 12`, `duration_ms 365.04`. */
function summaryCount(event: TestEvent): { readonly name: string; readonly value: number } | undefined {
  if (event.type !== "test:diagnostic" || event.data.file !== undefined) return undefined;
  const [, name, value] = /^([a-z_]+) ([\d.]+)$/.exec(event.data.message) ?? [];
  return name === undefined ? undefined : { name, value: Number(value) };
}
