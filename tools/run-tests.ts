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

/** A phase that runs longer than this hangs; its processes are ended and its tests have failed. */
const phaseLimit = 30 * 60_000;

/** Runs the phases one after the other and prints a report; true when nothing failed. */
export async function runTests(options: {
  readonly root: string;
  readonly phases: readonly TestPhase[];
  readonly skipped: readonly SkippedFile[];
}): Promise<boolean> {
  const totals = new Map<string, number>();
  const runs = options.phases.map((phase) => () => startPhase(options.root, phase));
  await pipeline(Readable.from(asOneRun(runs, options.skipped, totals)), new spec(), process.stdout, { end: false });
  return (totals.get("fail") ?? 0) + (totals.get("cancelled") ?? 0) === 0;
}

function startPhase(root: string, { groups, concurrency, timeout }: TestPhase): AsyncIterable<TestEvent> {
  const signal = AbortSignal.timeout(phaseLimit);
  return run({ cwd: root, files: groups.map((group) => fileOf(root, group)), concurrency, timeout, signal });
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
  runs: readonly (() => AsyncIterable<TestEvent>)[],
  skipped: readonly SkippedFile[],
  totals: Map<string, number>,
): AsyncGenerator<TestEvent, void> {
  const add = (name: string, value: number): void => void totals.set(name, (totals.get(name) ?? 0) + value);
  let end: TestEvent | undefined;
  for (const start of runs) {
    for await (const event of start()) {
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
