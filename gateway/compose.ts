import { join } from "node:path";
import { absentResource } from "../shared/core/xds/absent.ts";
import { systemClock } from "../shared/shell/system-clock.ts";
import { type Contact, isStale } from "./admin/conditions.ts";
import { adminPages, type CloudView } from "./admin/pages.ts";
import { startAdminServer } from "./admin/server.ts";
import { type GatewayCore, startCore } from "./compose-core.ts";
import type { GatewayConfig } from "./config.ts";
import type { Disk } from "./disk/disk.ts";
import { openFileDisk } from "./disk/file-disk.ts";
import type { ProxyViews } from "./fast/proxy-views.ts";
import type { ServedSnapshot } from "./follow/head-follower.ts";
import { type GatewayIdentity, startIdentity } from "./identity/start-identity.ts";
import { type RestorableObjects, startClusterObjects } from "./kubernetes/cluster-objects.ts";
import type { GatewayLog } from "./log.ts";
import { createMetrics, type GatewayMetrics } from "./metrics.ts";
import type { FaultsOf, GatewayParts } from "./ports.ts";
import { readPublisherKey } from "./publisher-key.ts";
import type { Reporting } from "./report/start-reporting.ts";
import { startXdsServer, type XdsServer } from "./xds/server.ts";

export interface Gateway extends AsyncDisposable {
  readonly xdsPort: number;
  readonly adminPort: number;
}

/** Starts everything, in the order in which each needs the one before; disposing ends it the other way round. */
export async function startGateway(config: GatewayConfig, parts: GatewayParts): Promise<Gateway> {
  await using life = new AsyncDisposableStack();
  const { client, log } = parts;
  const contact = (): Contact => ({ last: follower.lastContact(), now: Date.now(), limit: config.durations.stale });
  const metrics = createMetrics({
    proxies: () => xds.streams,
    lastContact: () => follower.lastContact(),
    stale: () => isStale(contact()),
    autonomous: () => autonomy.note()?.mode === "autonomous",
    wentBack: () => follower.wentBack() !== undefined,
    held: () => heads.newest()?.pin !== undefined || autonomy.source.held() !== undefined,
  });
  const faults = faultsTo(metrics, log);
  const key = await readPublisherKey(client, config.namespace);
  const objects = life.use(watchCluster(config, client, faults("kubernetes")));
  const identity = life.use(await startIdentity(config, { client, objects, faults }));
  const { secrets } = identity;
  const onServing = ({ version }: ServedSnapshot): void => metrics.snapshotFollowed(version);
  const core: GatewayCore = life.use(
    await startCore(config, { parts, objects, secrets, key, disk: diskOf(config), metrics, faults, onServing }),
  );
  const { keeper, views, autonomy, reporting } = core;
  const { heads, follower } = core.following;
  await core.ready;
  const xds: XdsServer = life.use(await startXds(config, { identity, views, reporting, metrics, faults, log }));
  const cloud: CloudView = { wentBack: follower.wentBack, pin: () => heads.newest()?.pin };
  const admin = life.use(
    await startAdminServer(
      config.admin,
      adminPages({ config, objects, reporting, autonomy, kept: keeper.kept, contact, cloud, metrics }),
    ),
  );
  life.use(core.publish());
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

function diskOf({ stateDir, cluster }: GatewayConfig): Disk | undefined {
  return stateDir === undefined ? undefined : openFileDisk(join(stateDir, cluster));
}

interface XdsParts {
  readonly identity: GatewayIdentity;
  readonly views: ProxyViews;
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
