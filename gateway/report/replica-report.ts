import * as z from "zod";
import { type Problem, sortProblems } from "../../shared/core/mesh/problem.ts";
import { objectKeyText } from "../../shared/core/object.ts";
import { parseJson } from "../../shared/core/parse-json.ts";
import type { ChangeTotals, ProxyReport, ProxyRow } from "../../shared/store/documents.ts";
import {
  count,
  reportedChange,
  reportedProblem,
  reportedProxy,
  reportTotals,
} from "../../shared/store/report-schema.ts";

/** What one replica says of its own proxies, as it is now; by an annotation of its Lease (design.md §4, Reports). */
export interface ReplicaReport {
  readonly replica: string;
  readonly wanted: number;
  readonly totals: ProxyReport["totals"];
  readonly changes: ProxyReport["changes"];
  /** Refusing ones first, then laggards. */
  readonly proxies: readonly ProxyRow[];
  readonly problems: readonly Problem[];
}

/** Of a whole report. */
const reportedRows = 500;
const reportedProblems = 200;
/** Of an annotation: Kubernetes takes 256 KB for all annotations of an object, and every write of it is a write of etcd. */
const annotationRows = 100;
const annotationProblems = 20;
const annotationLength = 60_000;

const schema = z.object({
  replica: z.string(),
  wanted: count,
  totals: reportTotals,
  changes: z.array(reportedChange),
  proxies: z.array(reportedProxy),
  problems: z.array(reportedProblem),
});

/** Its totals are whole; of rows and problems the worst, as many as fit. Problems that every replica knows are left out. */
export function writeReplicaReport(report: ReplicaReport): string {
  const refusals = report.problems.filter(({ code }) => code === "rejected-by-proxy").slice(0, annotationProblems);
  for (let rows = annotationRows; ; rows = Math.floor(rows / 2)) {
    const text = JSON.stringify({ ...report, problems: refusals, proxies: report.proxies.slice(0, rows) });
    if (text.length <= annotationLength || rows === 0) return text;
  }
}

/** Undefined for what another version of the gateway, or nobody, wrote. */
export function parseReplicaReport(text: string | undefined): ReplicaReport | undefined {
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success ? (parsed.data as ReplicaReport) : undefined;
}

/** All replicas' words in one. `interval` says when the next comes, in milliseconds. */
export function addUp(
  reports: readonly ReplicaReport[],
  { time, interval }: { readonly time: string; readonly interval: number },
): ProxyReport {
  const wanted = Math.max(0, ...reports.map((report) => report.wanted));
  const rows = newestRows(reports);
  return {
    time,
    interval,
    replicas: reports.map(({ replica, wanted: serves, totals }) => ({ replica, serves, connected: totals.connected })),
    wanted,
    totals: totalsOf(reports, rows, wanted),
    changes: changesOf(reports),
    proxies: rows.slice(0, reportedRows),
    problems: sortProblems(uniqueProblems(reports)).slice(0, reportedProblems),
  };
}

/** A proxy that moved may be in two reports: where it came later, it is. */
function newestRows(reports: readonly ReplicaReport[]): readonly ProxyRow[] {
  const rows = new Map<string, ProxyRow>();
  for (const row of reports.flatMap(({ proxies }) => proxies)) {
    const before = rows.get(row.proxy);
    if (before === undefined || before.connectedSince < row.connectedSince) rows.set(row.proxy, row);
  }
  return worstFirst([...rows.values()]);
}

/** Refusing ones, then laggards. */
export function worstFirst(rows: readonly ProxyRow[]): readonly ProxyRow[] {
  return rows.toSorted(
    (a, b) => Number(b.refused !== undefined) - Number(a.refused !== undefined) || a.acknowledged - b.acknowledged,
  );
}

/** From the rows where they are all there; else a proxy that moves counts twice for a moment. */
function totalsOf(reports: readonly ReplicaReport[], rows: readonly ProxyRow[], wanted: number): ProxyReport["totals"] {
  if (reports.every(({ proxies, totals }) => proxies.length >= totals.connected)) {
    return {
      connected: rows.length,
      settled: rows.filter(({ acknowledged }) => acknowledged >= wanted).length,
      refusing: rows.filter(({ refused }) => refused !== undefined).length,
    };
  }
  const sum = (of: (report: ReplicaReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    connected: sum(({ totals }) => totals.connected),
    settled: sum((report) => (report.wanted === wanted ? report.totals.settled : 0)),
    refusing: sum(({ totals }) => totals.refusing),
  };
}

function changesOf(reports: readonly ReplicaReport[]): ProxyReport["changes"] {
  const changes = new Map<number, ChangeTotals & { readonly version: number }>();
  for (const change of reports.flatMap((report) => report.changes)) {
    const before = changes.get(change.version);
    changes.set(change.version, before === undefined ? change : { version: change.version, ...added(before, change) });
  }
  return [...changes.values()].sort((a, b) => b.version - a.version);
}

function added(a: ChangeTotals, b: ChangeTotals): ChangeTotals {
  const [first] = [a.first, b.first].filter((time) => time !== undefined).toSorted();
  const last = [a.last, b.last]
    .filter((time) => time !== undefined)
    .toSorted()
    .at(-1);
  return {
    proxies: a.proxies + b.proxies,
    settled: a.settled + b.settled,
    refused: a.refused + b.refused,
    ...(first !== undefined && { first }),
    ...(last !== undefined && { last }),
  };
}

function uniqueProblems(reports: readonly ReplicaReport[]): readonly Problem[] {
  const problems = reports.flatMap((report) => report.problems);
  return [
    ...new Map(
      problems.map((problem) => [`${problem.code} ${objectKeyText(problem.object)} ${problem.message}`, problem]),
    ).values(),
  ];
}

/** Is this news that is not to wait: more proxies refuse, or a change was acknowledged for the first time? */
export function isUrgent(before: ReplicaReport | undefined, after: ReplicaReport): boolean {
  const begun = (report: ReplicaReport | undefined): number =>
    report?.changes.filter(({ first }) => first !== undefined).length ?? 0;
  return after.totals.refusing > (before?.totals.refusing ?? 0) || begun(after) > begun(before);
}
