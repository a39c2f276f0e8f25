import type { Problem } from "../../shared/core/mesh/problem.ts";
import { objectKeyText } from "../../shared/core/object.ts";
import { readStateEntry } from "../../shared/core/state/cluster-state.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { LocalHold } from "../autonomous/local-guard.ts";
import type { GatewayConfig } from "../config.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { GatewayMetrics } from "../metrics.ts";
import type { FaultsOf, GatewayParts } from "../ports.ts";
import type { HeldLease } from "../publish/lease.ts";
import type { PublisherKey } from "../publisher-key.ts";
import type { LeaseWatch } from "../replicas/lease-watch.ts";
import { isReplicaLease, replicaLeaseName } from "../replicas/names.ts";
import { startReplicaLease } from "../replicas/replica-lease.ts";
import { seenNote } from "../replicas/seen-cloud.ts";
import { createProblemReader } from "./compiled-problems.ts";
import { watchEndpointProblems } from "./endpoint-problems.ts";
import { heldChanges, heldLocally } from "./held-changes.ts";
import { createProblemBoard, type ProblemBoard } from "./problem-board.ts";
import { createProblemEvents, type ProblemEvents } from "./problem-events.ts";
import { createProxyRoster, type ProxyRoster } from "./proxy-roster.ts";
import {
  addUp,
  isUrgent,
  parseReplicaReport,
  type ReplicaReport,
  worstFirst,
  writeReplicaReport,
} from "./replica-report.ts";
import { createReporter } from "./reporter.ts";

/** What proxies say, and where it is shown: Kubernetes Events, the mesh-reports hub, /debug. */
export interface Reporting extends AsyncDisposable {
  readonly roster: ProxyRoster;
  readonly board: ProblemBoard;
  /** A snapshot is in force from now on. */
  serving(snapshot: ServedSnapshot): void;
  /** The problems of compiling stand beside the head, what a guard holds in it. */
  readonly onHead: (head: Head) => void;
  /** What the gateway's own guard holds. */
  readonly onLocalHold: (hold: LocalHold | undefined) => void;
  /** Tells the cloud what all replicas say, until the Lease is lost. */
  readonly whileLeading: (lease: Pick<HeldLease, "lost" | "isFresh">) => Promise<void>;
}

export interface ReportingParts {
  readonly parts: GatewayParts;
  readonly objects: ClusterObjects;
  readonly leases: LeaseWatch;
  readonly key: PublisherKey;
  readonly metrics: GatewayMetrics;
  readonly faults: FaultsOf;
}

/** Annotation of a replica's Lease. */
const reportAnnotation = "weft.dev/report";

function now(): Date {
  return new Date();
}

export function startReporting(
  config: GatewayConfig,
  { parts, objects, leases, key, metrics, faults }: ReportingParts,
): Reporting {
  let seen: ServedSnapshot | undefined;
  let [inCloud, here]: [readonly Problem[], readonly Problem[]] = [[], []];
  const events = eventsOfProblems(config, { parts, objects, faults });
  const board = createProblemBoard({ show: events.show });
  const endpoints = watchEndpointProblems({ objects, clock: systemClock, patience: 2000, show: board.endpoints });
  const roster = createProxyRoster({
    now,
    onNews(urgent) {
      reporter.news(urgent);
      lease.news();
    },
    onRefusal(refusal) {
      metrics.resourceRefused(refusal.type);
      parts.log.warn({ ...refusal }, "a proxy refused a resource");
      board.refusals(roster.refusals(), seen);
    },
    onRelief: () => board.refusals(roster.refusals(), seen),
  });
  const own = (): ReplicaReport => ownReport(config.replica, roster, board);
  const { durations } = config;
  const lease = startReplicaLease({
    client: parts.client,
    namespace: config.namespace,
    name: replicaLeaseName(config.replica),
    identity: config.replica,
    duration: durations.lease,
    annotations: () => ({ [reportAnnotation]: writeReplicaReport(own()), ...seenNote(seen) }),
    interval: durations.reportInterval,
    clock: systemClock,
    fault: faults("replica-lease"),
  });
  const others = followOthers(leases, { own: config.replica, news: (urgent) => reporter.news(urgent) });
  const reporter = createReporter({
    mesh: config.mesh,
    cluster: config.cluster,
    sender: parts.reports,
    key,
    report: () => addUp([own(), ...others.reports()], { time: now().toISOString(), interval: durations.reportIdle }),
    interval: durations.reportInterval,
    idle: durations.reportIdle,
    fault: faults("reports"),
  });
  const readProblems = createProblemReader({
    documents: parts.documents,
    cluster: config.cluster,
    take: board.compiled,
    fault: faults("problems"),
  });
  return {
    roster,
    board,
    serving(served) {
      seen = served;
      lease.news();
      roster.want(served.version);
      board.refusals(roster.refusals(), served);
    },
    onHead(head) {
      readProblems(head);
      inCloud = heldChanges(head.pin, config);
      board.held([...inCloud, ...here]);
    },
    onLocalHold(hold) {
      here = heldLocally(hold, config);
      board.held([...inCloud, ...here]);
    },
    whileLeading: reporter.whileLeading,
    async [Symbol.asyncDispose]() {
      endpoints[Symbol.dispose]();
      others[Symbol.dispose]();
      await lease[Symbol.asyncDispose]();
    },
  };
}

/** What is wrong with an object shows on it. */
function eventsOfProblems(
  config: GatewayConfig,
  { parts, objects, faults }: Pick<ReportingParts, "parts" | "objects" | "faults">,
): ProblemEvents {
  return createProblemEvents({
    client: parts.client,
    instance: config.replica,
    now,
    uidOf(object) {
      const entry = objects.objects().get(objectKeyText(object));
      return entry === undefined ? undefined : readStateEntry(entry).uid;
    },
    fault: faults("events"),
  });
}

/** What the other replicas say, as long as they live. */
function followOthers(
  leases: LeaseWatch,
  { own, news }: { readonly own: string; readonly news: (urgent: boolean) => void },
): Disposable & { readonly reports: () => readonly ReplicaReport[] } {
  const known = new Map<string, ReplicaReport>();
  const watching = leases.onChange((name) => {
    if (!isReplicaLease(name) || name === replicaLeaseName(own)) return;
    const before = known.get(name);
    const after = parseReplicaReport(leases.lease(name)?.annotations[reportAnnotation]);
    if (after === undefined) known.delete(name);
    else known.set(name, after);
    news(after !== undefined && isUrgent(before, after));
  });
  return {
    reports: () => [...known].flatMap(([name, report]) => (leases.lease(name)?.alive === true ? [report] : [])),
    [Symbol.dispose]: () => watching[Symbol.dispose](),
  };
}

function ownReport(replica: string, roster: ProxyRoster, board: ProblemBoard): ReplicaReport {
  const rows = roster.rows();
  return {
    replica,
    wanted: roster.wanted(),
    totals: {
      connected: rows.length,
      settled: rows.filter(({ acknowledged, wanted }) => acknowledged >= wanted).length,
      refusing: rows.filter(({ refused }) => refused !== undefined).length,
    },
    changes: roster.changes(),
    proxies: worstFirst(rows),
    problems: board.standing(),
  };
}
