import type { ClusterDocuments } from "./cluster.ts";
import { buildProblems } from "./problems.ts";
import { buildProxies } from "./proxies.ts";

export interface OverviewModel {
  readonly mesh: string;
  /** By name. */
  readonly clusters: readonly ClusterSummary[];
}

export interface ClusterSummary {
  readonly cluster: string;
  readonly version: number;
  readonly connected: number;
  readonly settled: number;
  readonly refusing: number;
  readonly problems: number;
  /** ISO 8601 of the newest report; absent when no gateway has reported. */
  readonly reported?: string;
  /** ISO 8601 of the newest change's publication. */
  readonly published?: string;
}

type SummaryDocuments = Omit<ClusterDocuments, "pinActs" | "servedLocally">;

/** Pure. */
export function buildOverview(
  mesh: string,
  clusters: readonly { readonly cluster: string; readonly documents: SummaryDocuments }[],
): OverviewModel {
  return { mesh, clusters: clusters.map(({ cluster, documents }) => summaryOf(cluster, documents)) };
}

function summaryOf(cluster: string, documents: SummaryDocuments): ClusterSummary {
  const { head, problems, changes, report } = documents;
  const { connected, settled, refusing, heard } = buildProxies(head.version, report);
  const newest = changes.toSorted((a, b) => a.version - b.version).at(-1);
  const published = newest?.stages.find(({ stage }) => stage === "published")?.time;
  return {
    cluster,
    version: head.version,
    connected,
    settled,
    refusing,
    problems: buildProblems(problems, report).total,
    ...(heard !== undefined && { reported: heard }),
    ...(published !== undefined && { published }),
  };
}
