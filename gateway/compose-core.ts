import { type Autonomy, startAutonomy } from "./autonomous/start-autonomy.ts";
import type { GatewayConfig } from "./config.ts";
import type { Disk } from "./disk/disk.ts";
import { createClassCompiler } from "./fast/class-policy.ts";
import { createProxyViews, type ProxyViews } from "./fast/proxy-views.ts";
import type { ProxySecrets } from "./fast/secrets.ts";
import type { ServedSnapshot } from "./follow/head-follower.ts";
import type { SnapshotKeeper } from "./follow/snapshot-keeper.ts";
import { type Following, startFollowing } from "./follow/start-following.ts";
import { startKeeping } from "./follow/start-keeping.ts";
import type { RestorableObjects } from "./kubernetes/cluster-objects.ts";
import { startSavedEndpoints } from "./kubernetes/saved-endpoints.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { FaultsOf, GatewayParts } from "./ports.ts";
import { startPublishing } from "./publish/start-publishing.ts";
import type { PublisherKey } from "./publisher-key.ts";
import { startReplicas } from "./replicas/start-replicas.ts";
import { type Reporting, startReporting } from "./report/start-reporting.ts";

export interface CoreParts {
  readonly parts: GatewayParts;
  readonly objects: RestorableObjects;
  readonly secrets: ProxySecrets;
  readonly key: PublisherKey;
  /** This replica's; undefined: nothing outlives the process. */
  readonly disk: Disk | undefined;
  readonly metrics: GatewayMetrics;
  readonly faults: FaultsOf;
  /** A snapshot is in force from now on. */
  readonly onServing: (snapshot: ServedSnapshot) => void;
}

/** A gateway without its sockets: what follows the cloud, keeps, compiles, makes views, reports and publishes. */
export interface GatewayCore extends AsyncDisposable {
  readonly keeper: SnapshotKeeper;
  readonly views: ProxyViews;
  readonly autonomy: Autonomy;
  readonly following: Following;
  readonly reporting: Reporting;
  /** Resolves when proxies can be let in: everything was listed and what is to be served is known, or what was saved stands in for lists that do not come. */
  readonly ready: Promise<void>;
  /** Publishes whenever this replica holds the Lease. */
  publish(): AsyncDisposable;
}

/** Starts it in the order in which each needs the one before; disposing ends it the other way round. */
export async function startCore(config: GatewayConfig, given: CoreParts): Promise<GatewayCore> {
  await using life = new AsyncDisposableStack();
  const { parts, objects, secrets, key, disk, metrics, faults } = given;
  const { durations } = config;
  const endpoints = life.use(
    startSavedEndpoints({
      disk,
      objects,
      patience: durations.kubernetesPatience,
      interval: durations.endpointSave,
      fault: faults("disk"),
    }),
  );
  const replicas = life.use(startReplicas(config, { parts, faults }));
  const { leases, openTail } = replicas;
  const reporting: Reporting = life.use(startReporting(config, { parts, objects, leases, key, metrics, faults }));
  const { blocks, keeper } = life.use(
    await startKeeping(config, { documents: parts.documents, objects, disk, faults }),
  );
  const readSettings = () => keeper.settingsFor(following.follower.current());
  const views = life.use(
    createProxyViews({
      objects,
      secrets,
      compileClass: createClassCompiler({ blocks, readSettings, known: objects.objects }),
      orderLimit: durations.order,
      fault: faults("class"),
    }),
  );
  const autonomy: Autonomy = life.use(
    startAutonomy(config, {
      leases,
      objects,
      blocks,
      keeper,
      log: parts.log,
      faults,
      serve(snapshot) {
        given.onServing(snapshot);
        reporting.serving(snapshot);
        views.serve(snapshot);
      },
      problems: reporting.board.compiled,
      held: reporting.onLocalHold,
    }),
  );
  const { source, declaration } = autonomy;
  await autonomy.begun;
  const followed = { parts: { ...parts, openSnapshotTail: openTail }, blocks, keeper, faults };
  const onSnapshot = (snapshot: ServedSnapshot): void => {
    source.fromCloud(snapshot);
    replicas.followed(snapshot);
  };
  const following: Following = life.use(startFollowing(config, { ...followed, onSnapshot }));
  const { heads, follower } = following;
  heads.onRead(source.look);
  heads.onRead(declaration.onHead);
  heads.onRead(reporting.onHead);
  const alongside = [replicas.whileLeading, reporting.whileLeading];
  const publishing = { parts, objects, heads, key, follower, leases, metrics, autonomy, alongside };
  const running = life.move();
  return {
    keeper,
    views,
    autonomy,
    following,
    reporting,
    ready: Promise.race([objects.listed.then(source.begin), endpoints.restored]),
    publish: () => startPublishing(config, { ...publishing, fault: faults("publish") }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
