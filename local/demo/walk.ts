import { setTimeout as pause } from "node:timers/promises";
import type { AppCounters } from "../scenarios/bookstore/apps/counters.ts";
import { type Manifest, type ManifestObject, readManifest } from "../scenarios/bookstore/manifests.ts";
import { applyObjects, type KubernetesApi } from "./apply-objects.ts";
import { type AppName, columns, meshClients } from "./columns.ts";
import { describeExpectation } from "./expectation.ts";
import { judge, type Reading } from "./judge.ts";
import type { MeasureAcks } from "./measure-acks.ts";
import { isOk, type LiveCell, type Step, type WalkProgress } from "./progress.ts";
import type { ReadCounters } from "./read-counters.ts";
import { rows as allRows, deployed, type Row } from "./rows.ts";
import { waitForPods } from "./wait-for-pods.ts";

export interface WalkOptions {
  readonly client: KubernetesApi;
  readonly readCounters: ReadCounters;
  readonly measureAcks: MeasureAcks;
  readonly onProgress: (progress: WalkProgress) => void;
  readonly rows?: readonly Row[];
  readonly settings?: Partial<WalkSettings>;
  /** Ends the walk, which then rejects. */
  readonly signal?: AbortSignal;
}

/** Milliseconds. */
export interface WalkSettings {
  /** For pods that a row deploys. */
  readonly readyLimitMs: number;
  /** For all cells of a row to be decided. */
  readonly observeLimitMs: number;
  readonly pollMs: number;
}

const defaults: WalkSettings = { readyLimitMs: 60_000, observeLimitMs: 45_000, pollMs: 200 };

/** What `--output json` prints. */
export interface WalkResult {
  readonly ok: boolean;
  readonly steps: readonly Step[];
}

/** Walks the rows one after the other on a deployed bookstore. A row that fails does not keep the next from being walked. */
export async function walk(options: WalkOptions): Promise<WalkResult> {
  const { rows = allRows, signal = new AbortController().signal } = options;
  const course: Course = { ...options, signal, settings: { ...defaults, ...options.settings } };
  const steps: Step[] = [];
  let proxies = meshedPods(deployed);
  for (const row of rows) {
    proxies += meshedPods(row.deploy);
    course.onProgress({ kind: "row-started", row });
    const step = await walkRow(course, row, proxies);
    course.onProgress({ kind: "row-ended", row, step });
    steps.push(step);
  }
  return { ok: steps.every(isOk), steps };
}

type Course = Omit<WalkOptions, "settings"> & { readonly settings: WalkSettings; readonly signal: AbortSignal };

async function walkRow(course: Course, row: Row, proxies: number): Promise<Step> {
  const { client, settings, signal } = course;
  let ackMs: number | null = null;
  let problem: string | undefined;
  try {
    const objects = objectsOf(row.deploy);
    await applyObjects(client, objects);
    await waitForPods(client, objects, { limitMs: settings.readyLimitMs, signal });
    const change = (): Promise<void> => applyObjects(client, objectsOf(row.apply));
    const acknowledged = await course.measureAcks(change, { proxies, signal });
    ackMs = acknowledged.ackMs;
    course.onProgress({ kind: "acknowledged", row, ackMs, proxies: acknowledged.proxies });
  } catch (error) {
    if (signal.aborted) throw error;
    problem = error instanceof Error ? error.message : String(error);
  }
  const seen = await observe(course, row);
  const cells = seen.map(({ app, seen: text, state }) => ({
    app,
    expected: describeExpectation(row.expected[app]),
    seen: state === "undecided" ? `${text} (not enough in time)` : text,
    ok: state === "ok",
  }));
  return { name: `${row.id} ${row.title}`, ackMs, cells, ...(problem !== undefined && { problem }) };
}

/** Watches until every cell is decided or the time is over. */
async function observe(course: Course, row: Row): Promise<readonly LiveCell[]> {
  const { settings, signal } = course;
  const end = performance.now() + settings.observeLimitMs;
  const before = await takeBaseline(course, end);
  const final = new Map<AppName, LiveCell>();
  for (;;) {
    const now = await readAll(course.readCounters);
    const cells = columns.map(({ app }): LiveCell => {
      const known = final.get(app);
      if (known !== undefined) return known;
      const expectation = row.expected[app];
      const cell = { app, ...judge(expectation, readingOf(before, app), readingOf(now, app)) };
      // A failure stays one. Shares that fit are not judged again: asked again and again, chance would leave any interval some time.
      const isShare = expectation.kind === "split" || expectation.kind === "mixed";
      if (cell.state === "failed" || (isShare && cell.state === "ok")) final.set(app, cell);
      return cell;
    });
    course.onProgress({ kind: "observed", row, cells });
    if (cells.every(({ state }) => state !== "undecided") || performance.now() > end) return cells;
    await pause(settings.pollMs, undefined, { signal });
  }
}

type Counters = ReadonlyMap<AppName, Reading["counters"]>;

/** Counters from which on no client counts an attempt that it began before this call. */
async function takeBaseline({ readCounters, settings, signal }: Course, end: number): Promise<Counters> {
  const first = await readAll(readCounters);
  for (;;) {
    const now = await readAll(readCounters);
    // A client has one request under way at a time.
    const clients: readonly AppName[] = [...meshClients, "outside"];
    const begunBefore = clients.some((app) => attemptsOf(now, app) <= attemptsOf(first, app));
    if (!begunBefore || performance.now() > end) return now;
    await pause(settings.pollMs, undefined, { signal });
  }
}

async function readAll(readCounters: ReadCounters): Promise<Counters> {
  const entries = columns.map(async ({ app }): Promise<[AppName, Reading["counters"]]> => {
    const counters: AppCounters | "silent" | undefined = await readCounters(app).catch(() => "silent" as const);
    return [app, counters ?? "absent"];
  });
  return new Map(await Promise.all(entries));
}

function readingOf(counters: Counters, app: AppName): Reading {
  const clientAttempts = meshClients.reduce((sum, client) => sum + attemptsOf(counters, client), 0);
  return { counters: counters.get(app) ?? "absent", clientAttempts };
}

function attemptsOf(counters: Counters, app: AppName): number {
  const told = counters.get(app);
  return told === undefined || typeof told === "string" ? 0 : told.attempts;
}

function objectsOf(manifests: readonly Manifest[]): readonly ManifestObject[] {
  return manifests.flatMap(readManifest);
}

/** Pods with a sidecar, each of which is a proxy. */
function meshedPods(manifests: readonly Manifest[]): number {
  return objectsOf(manifests).filter(({ kind, metadata }) => kind === "Pod" && metadata.namespace !== "outside").length;
}
