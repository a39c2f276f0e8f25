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
  readonly replicas: ProxyReport["replicas"];
  /** ISO 8601 of the newest report; absent when there is none. */
  readonly heard?: string;
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

const shownRows = 100;
/** So many reports in a row may be missing. */
const missedReports = 3;

/** The gateway should have been heard of since: it is gone, or cannot reach the cloud. */
export function isSilent({ time, interval }: ProxyReport, now: Date): boolean {
  return now.getTime() - Date.parse(time) > missedReports * interval;
}

/** What the gateway says of its proxies, against the version that the head names. Pure. */
export function buildProxies(version: number, report: ProxyReport | undefined): ProxiesModel {
  const rows = (report?.proxies ?? []).map((row) => proxyOf(row, version));
  const counts = countProxies(version, report, rows);
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
    replicas: (report?.replicas ?? []).toSorted((a, b) => compareText(a.replica, b.replica)),
    ...(report !== undefined && { heard: report.time }),
  };
}

const stateOrder = { refusing: 0, behind: 1, settled: 2 } as const;

function proxyOf(row: ProxyRow, version: number): ProxyModel {
  const wanted = Math.max(row.wanted, version);
  const state = row.refused !== undefined ? "refusing" : row.acknowledged < wanted ? "behind" : "settled";
  const { proxy, account, acknowledged, connectedSince, refused } = row;
  return { state, proxy, account, wanted, acknowledged, connectedSince, ...(refused !== undefined && { refused }) };
}

/** From the rows where they are all there; a report lists at most 500, but its totals count all. */
function countProxies(
  version: number,
  report: ProxyReport | undefined,
  rows: readonly ProxyModel[],
): Pick<ProxiesModel, "connected" | "settled" | "refusing"> {
  if (report !== undefined && rows.length < report.totals.connected) {
    const { connected, settled, refusing } = report.totals;
    return { connected, settled: report.wanted < version ? 0 : settled, refusing };
  }
  return {
    connected: rows.length,
    settled: rows.filter(({ state, acknowledged }) => state !== "behind" && acknowledged >= version).length,
    refusing: rows.filter(({ state }) => state === "refusing").length,
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
