import type { ProxyReport, ProxyRow } from "../../../shared/store/documents.ts";

export interface ProxiesModel {
  /** The version that every proxy should have. */
  readonly wanted: number;
  readonly connected: number;
  readonly settled: number;
  readonly refusing: number;
  /** Refusing ones first, then those behind, farthest first, then by name. At most 100. */
  readonly rows: readonly ProxyModel[];
  /** Beyond `rows`. */
  readonly more: number;
  readonly replicas: readonly ReplicaModel[];
}

export interface ProxyModel {
  readonly state: "refusing" | "behind" | "settled";
  readonly proxy: string;
  readonly account: string;
  readonly wanted: number;
  readonly acknowledged: number;
  /** ISO 8601 */
  readonly connectedSince: string;
  /** What it refuses, and Envoy's words. */
  readonly refused?: string;
}

/** A gateway replica's last word. */
export interface ReplicaModel {
  readonly replica: string;
  /** ISO 8601 of its last report. */
  readonly time: string;
  readonly serves: number;
  readonly connected: number;
  /** It missed a version that another replica has had for long: most likely it is gone, and its proxies are with the others. */
  readonly silent: boolean;
}

const shownRows = 100;
/** Milliseconds after which a replica that is behind the others counts as silent. Reports come only with news, so age alone says nothing. */
const silentAfter = 60_000;

/** Is a report the last word of a replica that is gone? */
export function isSilent(report: ProxyReport, reports: readonly ProxyReport[], now: Date): boolean {
  const age = now.getTime() - Date.parse(report.time);
  return age > silentAfter && reports.some(({ wanted, time }) => wanted > report.wanted && time > report.time);
}

/** What the gateway replicas say of their proxies, against the version that the head names. Pure. */
export function buildProxies(version: number, reports: readonly ProxyReport[], now: Date): ProxiesModel {
  const heard = reports.filter((report) => !isSilent(report, reports, now));
  const rows = newestRows(heard).map((row) => proxyOf(row, version));
  const counts = countProxies(version, heard, rows);
  const sorted = rows.toSorted(
    (a, b) =>
      stateOrder[a.state] - stateOrder[b.state] ||
      (a.state === "behind" ? a.acknowledged - b.acknowledged : 0) ||
      compareText(a.proxy, b.proxy),
  );
  return {
    wanted: version,
    ...counts,
    rows: sorted.slice(0, shownRows),
    more: Math.max(0, counts.connected - Math.min(sorted.length, shownRows)),
    replicas: reports
      .map((report) => ({
        replica: report.replica,
        time: report.time,
        serves: report.wanted,
        connected: report.totals.connected,
        silent: !heard.includes(report),
      }))
      .toSorted((a, b) => compareText(a.replica, b.replica)),
  };
}

const stateOrder = { refusing: 0, behind: 1, settled: 2 } as const;

/** A proxy that moved to another replica may be in two reports: the newer one knows better. */
function newestRows(reports: readonly ProxyReport[]): readonly ProxyRow[] {
  const rows = new Map<string, ProxyRow>();
  for (const report of reports.toSorted((a, b) => compareText(a.time, b.time))) {
    for (const row of report.proxies) rows.set(row.proxy, row);
  }
  return [...rows.values()];
}

function proxyOf(row: ProxyRow, version: number): ProxyModel {
  const wanted = Math.max(row.wanted, version);
  const state = row.refused !== undefined ? "refusing" : row.acknowledged < wanted ? "behind" : "settled";
  const { proxy, account, acknowledged, connectedSince, refused } = row;
  return { state, proxy, account, wanted, acknowledged, connectedSince, ...(refused !== undefined && { refused }) };
}

/** From the rows where they are all there; reports list at most 500, but their totals count all. */
function countProxies(
  version: number,
  reports: readonly ProxyReport[],
  rows: readonly ProxyModel[],
): Pick<ProxiesModel, "connected" | "settled" | "refusing"> {
  if (reports.every(({ proxies, totals }) => proxies.length >= totals.connected)) {
    return {
      connected: rows.length,
      settled: rows.filter(({ state, acknowledged }) => state !== "behind" && acknowledged >= version).length,
      refusing: rows.filter(({ state }) => state === "refusing").length,
    };
  }
  const sum = (member: "connected" | "settled" | "refusing"): number =>
    reports.reduce(
      (total, { wanted, totals }) => total + (member === "settled" && wanted < version ? 0 : totals[member]),
      0,
    );
  return { connected: sum("connected"), settled: sum("settled"), refusing: sum("refusing") };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
