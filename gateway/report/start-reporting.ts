import { objectKeyText } from "../../shared/core/object.ts";
import { readStateEntry } from "../../shared/core/state/cluster-state.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import type { ProxyReport } from "../../shared/store/documents.ts";
import type { GatewayConfig } from "../config.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { GatewayMetrics } from "../metrics.ts";
import type { FaultsOf, GatewayParts } from "../ports.ts";
import type { PublisherKey } from "../publisher-key.ts";
import { watchEndpointProblems } from "./endpoint-problems.ts";
import { createProblemBoard, type ProblemBoard } from "./problem-board.ts";
import { createProblemEvents } from "./problem-events.ts";
import { createProxyRoster, type ProxyRoster } from "./proxy-roster.ts";
import { startReporter } from "./reporter.ts";

/** What proxies say, and where it is shown: Kubernetes Events, the mesh-reports hub, /debug. */
export interface Reporting extends AsyncDisposable {
  readonly roster: ProxyRoster;
  readonly board: ProblemBoard;
  /** A snapshot is in force from now on. */
  serving(snapshot: ServedSnapshot): void;
}

export interface ReportingParts {
  readonly parts: GatewayParts;
  readonly objects: ClusterObjects;
  readonly key: PublisherKey;
  readonly metrics: GatewayMetrics;
  readonly faults: FaultsOf;
  readonly snapshot: () => ServedSnapshot | undefined;
}

/** Rows and problems of one report; totals count all. */
const reportedRows = 500;
const reportedProblems = 200;

function now(): Date {
  return new Date();
}

export function startReporting(
  config: GatewayConfig,
  { parts, objects, key, metrics, faults, snapshot }: ReportingParts,
): Reporting {
  const events = createProblemEvents({
    client: parts.client,
    instance: config.replica,
    now,
    uidOf(object) {
      const entry = objects.objects().get(objectKeyText(object));
      return entry === undefined ? undefined : readStateEntry(entry).uid;
    },
    fault: faults("events"),
  });
  const board = createProblemBoard({ show: events.show });
  const endpoints = watchEndpointProblems({ objects, clock: systemClock, patience: 2000, show: board.endpoints });
  const roster = createProxyRoster({
    now,
    onNews: (urgent) => reporter.news(urgent),
    onRefusal(refusal) {
      metrics.resourceRefused(refusal.type);
      parts.log.warn({ ...refusal }, "a proxy refused a resource");
      board.refusals(roster.refusals(), snapshot());
    },
    onRelief: () => board.refusals(roster.refusals(), snapshot()),
  });
  const reporter = startReporter({
    mesh: config.mesh,
    cluster: config.cluster,
    sender: parts.reports,
    key,
    report: () => reportOf(config.replica, { roster, board, now }),
    interval: config.durations.reportInterval,
    fault: faults("reports"),
  });
  return {
    roster,
    board,
    serving(served) {
      roster.want(served.version);
      board.refusals(roster.refusals(), served);
    },
    async [Symbol.asyncDispose]() {
      endpoints[Symbol.dispose]();
      await reporter[Symbol.asyncDispose]();
    },
  };
}

function reportOf(
  replica: string,
  { roster, board, now }: { readonly roster: ProxyRoster; readonly board: ProblemBoard; readonly now: () => Date },
): ProxyReport {
  const rows = roster.rows();
  const laggards = rows.toSorted(
    (a, b) => Number(b.refused !== undefined) - Number(a.refused !== undefined) || a.acknowledged - b.acknowledged,
  );
  return {
    replica,
    time: now().toISOString(),
    wanted: roster.wanted(),
    totals: {
      connected: rows.length,
      settled: rows.filter(({ acknowledged, wanted }) => acknowledged >= wanted).length,
      refusing: rows.filter(({ refused }) => refused !== undefined).length,
    },
    changes: roster.changes(),
    proxies: laggards.slice(0, reportedRows),
    problems: board.standing().slice(0, reportedProblems),
  };
}
