import { join } from "node:path";
import { absentResource } from "../shared/core/xds/absent.ts";
import { systemClock } from "../shared/shell/system-clock.ts";
import { type Contact, isStale } from "./admin/conditions.ts";
import { adminPages, type CloudView } from "./admin/pages.ts";
import { startAdminServer } from "./admin/server.ts";
import { type Autonomy, startAutonomy } from "./autonomous/start-autonomy.ts";
import type { GatewayConfig } from "./config.ts";
import { createClassCompiler } from "./fast/class-policy.ts";
import { createProxyViews } from "./fast/proxy-views.ts";
import { type Following, startFollowing } from "./follow/start-following.ts";
import { startKeeping } from "./follow/start-keeping.ts";
import { type GatewayIdentity, startIdentity } from "./identity/start-identity.ts";
import { type RestorableObjects, startClusterObjects } from "./kubernetes/cluster-objects.ts";
import { type SavedEndpoints, startSavedEndpoints } from "./kubernetes/saved-endpoints.ts";
import type { GatewayLog } from "./log.ts";
import { createMetrics, type GatewayMetrics } from "./metrics.ts";
import type { FaultsOf, GatewayParts } from "./ports.ts";
import { startPublishing } from "./publish/start-publishing.ts";
import { readPublisherKey } from "./publisher-key.ts";
import { startReplicas } from "./replicas/start-replicas.ts";
import { type Reporting, startReporting } from "./report/start-reporting.ts";
import { startXdsServer, type XdsServer } from "./xds/server.ts";

export interface Gateway extends AsyncDisposable {
  readonly xdsPort: number;
  readonly adminPort: number;
}

/** Starts everything, in the order in which each needs the one before; disposing ends it the other way round. */
export async function startGateway(config: GatewayConfig, parts: GatewayParts): Promise<Gateway> {
  await using life = new AsyncDisposableStack();
  const { client, documents, log } = parts;
  const contact = (): Contact => ({ last: follower.lastContact(), now: Date.now(), limit: config.durations.stale });
  const metrics = createMetrics({
    proxies: () => xds.streams,
    lastContact: () => follower.lastContact(),
    stale: () => isStale(contact()),
    autonomous: () => autonomy.note()?.mode === "autonomous",
    wentBack: () => follower.wentBack() !== undefined,
    held: () => heads.newest()?.pin !== undefined || source.held() !== undefined,
  });
  const faults = faultsTo(metrics, log);
  const key = await readPublisherKey(client, config.namespace);
  const objects = life.use(watchCluster(config, client, faults("kubernetes")));
  const endpoints = life.use(saveEndpoints(config, objects, faults));
  const identity = life.use(await startIdentity(config, { client, objects, faults }));
  const replicas = life.use(startReplicas(config, { parts, faults }));
  const { leases, openTail } = replicas;
  const reporting: Reporting = life.use(startReporting(config, { parts, objects, leases, key, metrics, faults }));
  const { blocks, keeper } = life.use(await startKeeping(config, { documents, objects, faults }));
  const readSettings = () => keeper.settingsFor(follower.current());
  const views = life.use(
    createProxyViews({
      objects,
      secrets: identity.secrets,
      compileClass: createClassCompiler({ blocks, readSettings, known: objects.objects }),
      orderLimit: config.durations.order,
      fault: faults("class"),
    }),
  );

  const autonomy: Autonomy = life.use(
    startAutonomy(config, {
      leases,
      objects,
      keeper,
      log,
      faults,
      serve(snapshot) {
        metrics.snapshotFollowed(snapshot.version);
        reporting.serving(snapshot);
        views.serve(snapshot);
      },
      problems: reporting.board.compiled,
      held: reporting.onLocalHold,
    }),
  );
  const { source, declaration } = autonomy;
  await autonomy.begun;
  const following = { parts: { ...parts, openSnapshotTail: openTail }, blocks, keeper, faults };
  const { heads, follower }: Following = life.use(
    startFollowing(config, { ...following, onSnapshot: source.fromCloud }),
  );
  heads.onRead(source.look);
  heads.onRead(declaration.onHead);
  heads.onRead(reporting.onHead);

  await Promise.race([objects.listed.then(source.begin), endpoints.restored]);
  const xds: XdsServer = life.use(await startXds(config, { identity, views, reporting, metrics, faults, log }));
  const cloud: CloudView = { wentBack: follower.wentBack, pin: () => heads.newest()?.pin };
  const admin = life.use(
    await startAdminServer(
      config.admin,
      adminPages({ config, objects, reporting, autonomy, kept: keeper.kept, contact, cloud, metrics }),
    ),
  );
  const alongside = [replicas.whileLeading, reporting.whileLeading];
  const fault = faults("publish");
  const publishing = { parts, objects, heads, key, follower, leases, metrics, autonomy, alongside, fault };
  life.use(startPublishing(config, publishing));
  const running = life.move();
  return { xdsPort: xds.port, adminPort: admin.port, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function faultsTo(metrics: GatewayMetrics, log: GatewayLog): FaultsOf {
  return (where) => (error) => {
    metrics.fault(where);
    log.warn({ where, error: error instanceof Error ? error.message : String(error) }, "fault");
  };
}

function watchCluster(
  { network, durations }: GatewayConfig,
  client: GatewayParts["client"],
  fault: (error: unknown) => void,
): RestorableObjects {
  return startClusterObjects({ client, network: { ...network }, classLinger: durations.classLinger, fault });
}

function saveEndpoints(config: GatewayConfig, objects: RestorableObjects, faults: FaultsOf): SavedEndpoints {
  const { stateDir, cluster, durations } = config;
  return startSavedEndpoints({
    path: stateDir && join(stateDir, cluster, "endpoints"),
    objects,
    patience: durations.kubernetesPatience,
    interval: durations.endpointSave,
    fault: faults("disk"),
  });
}

interface XdsParts {
  readonly identity: GatewayIdentity;
  readonly views: ReturnType<typeof createProxyViews>;
  readonly reporting: Reporting;
  readonly metrics: GatewayMetrics;
  readonly faults: FaultsOf;
  readonly log: GatewayLog;
}

async function startXds(config: GatewayConfig, parts: XdsParts): Promise<XdsServer> {
  const { identity, views, reporting, metrics, faults, log } = parts;
  const { drain, streamAge } = config.durations;
  const server = await startXdsServer({
    ...config.xds,
    tls: identity.serverCertificate.current(),
    authenticator: identity.authenticator,
    views,
    reports: reporting.roster,
    absent: absentResource,
    clock: systemClock,
    random: Math.random,
    settings: {
      stream: { answerLimitMs: 5000, drainMs: drain },
      maxStreamAge: { least: streamAge / 2, most: streamAge },
    },
    onRefused(refusal, address) {
      metrics.streamRefused(refusal.code);
      log.warn({ ...refusal, address }, "stream refused");
    },
    onDropped(drop) {
      metrics.connectionDropped(drop.reason);
      log.warn(drop, "xDS connection dropped");
    },
    onFault: faults("xds"),
  });
  identity.serverCertificate.onRenewed((tls) => server.replaceCertificate(tls));
  return server;
}
