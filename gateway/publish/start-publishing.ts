import { once } from "node:events";
import { systemClock } from "../../shared/shell/system-clock.ts";
import type { ModeDeclaration } from "../autonomous/declare-mode.ts";
import type { GatewayConfig } from "../config.ts";
import type { HeadFollower } from "../follow/head-follower.ts";
import type { HeadReader } from "../follow/head-reader.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { GatewayMetrics } from "../metrics.ts";
import type { GatewayParts } from "../ports.ts";
import type { PublisherKey } from "../publisher-key.ts";
import type { LeaseWatch } from "../replicas/lease-watch.ts";
import { newestSeen, seenOf } from "../replicas/seen-cloud.ts";
import { type HeldLease, publisherLease, whileHoldingLease } from "./lease.ts";
import { type FactQueue, type PublisherEvent, type PublisherOptions, publishWhileLeading } from "./publisher.ts";

export interface PublishingParts {
  readonly parts: GatewayParts;
  readonly objects: ClusterObjects;
  readonly heads: HeadReader;
  readonly key: PublisherKey;
  readonly follower: HeadFollower;
  /** By which the other replicas say what they have seen of the cloud. */
  readonly leases: Pick<LeaseWatch, "leases">;
  readonly metrics: GatewayMetrics;
  /** Who decides the mode is told where publishing stands; without it nobody decides. */
  readonly autonomy?: {
    readonly declaration: Pick<ModeDeclaration, "publishing" | "whileLeading">;
    readonly facts: FactQueue;
  };
  /** What else the replica with the Lease does until it is lost. */
  readonly alongside?: readonly ((lease: HeldLease) => Promise<void>)[];
  readonly fault: (error: unknown) => void;
}

/** Publishes whenever this replica holds the Lease. */
export function startPublishing(
  config: GatewayConfig,
  { parts, objects, heads, key, follower, leases, metrics, autonomy, alongside = [], fault }: PublishingParts,
): AsyncDisposable {
  const stop = new AbortController();
  const { durations } = config;
  const options: PublisherOptions = {
    context: { mesh: config.mesh, cluster: config.cluster, note: objects.note, now: () => new Date().toISOString() },
    key,
    sender: parts.events,
    local: {
      objects: objects.objects,
      relist: objects.relist,
      onChange: (listener) => objects.onChange((change) => change.kind === "objects" && listener()),
    },
    readHead: heads.read,
    seen: () => newestSeen(seenOf(follower.current()), leases.leases()),
    ...(autonomy && { publishing: autonomy.declaration.publishing, facts: autonomy.facts }),
    settings: {
      settleInterval: durations.settle,
      settleLimit: durations.settleLimit,
      heartbeatInterval: durations.heartbeat,
    },
    clock: systemClock,
    log: (event) => observe(event, { parts, metrics, fault }),
  };
  const lease = {
    namespace: config.namespace,
    name: publisherLease,
    identity: config.replica,
    duration: durations.lease,
    signal: stop.signal,
    fault,
  };
  const publish = () =>
    whileHoldingLease(parts.client, lease, async (lease) => {
      const others = [autonomy?.declaration.whileLeading(lease), ...alongside.map((work) => work(lease))];
      await Promise.all([publishWhileLeading(options, lease), ...others]);
    });
  // Part of a picture is not worth leading for.
  const running = Promise.race([objects.listed, once(stop.signal, "abort")]).then(publish);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

function observe(
  event: PublisherEvent,
  { parts, metrics, fault }: Pick<PublishingParts, "parts" | "metrics" | "fault">,
): void {
  if (event.kind === "fault") return fault(event.message);
  if (event.kind === "published") metrics.eventsPublished(event.events);
  if (event.kind === "listed") metrics.lists(event.asserted ? "asserted" : "whole");
  parts.log.info({ ...event }, event.kind);
}
