import { hostname } from "node:os";
import type { Environment } from "../shared/shell/config/env.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";

/** A service by connection string, or by address with the pod's workload identity. */
export type CloudConnection = { readonly connectionString: string } | { readonly address: string };

export interface GatewayConfig {
  readonly mesh: string;
  readonly cluster: string;
  /** Where the gateway's own objects are: Lease, Secrets. */
  readonly namespace: string;
  /** The replica: its pod's name. */
  readonly replica: string;
  readonly kubeconfig: string | undefined;
  readonly hubs: CloudConnection;
  readonly cosmos: CloudConnection;
  readonly database: string;
  /** Consumer group of `mesh-snapshots`. */
  readonly consumerGroup: string;
  readonly xds: ListenAddress;
  readonly admin: ListenAddress;
  /** DNS names of the xDS server's certificate; the first is the one that proxies ask for. */
  readonly serverNames: readonly string[];
  readonly network: {
    readonly serviceCidrs: readonly string[];
    readonly podCidrs: readonly string[];
    readonly trustDomain: string;
    readonly clusterDomain: string;
  };
  /** Where the gateway keeps what it needs when the cloud or Kubernetes is away, for this replica alone; undefined: only in memory. */
  readonly stateDir: string | undefined;
  /** Milliseconds. */
  readonly durations: GatewayDurations;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface GatewayDurations {
  readonly lease: number;
  readonly headRead: number;
  readonly settle: number;
  readonly settleLimit: number;
  readonly heartbeat: number;
  readonly classLinger: number;
  /** Least time between two ordinary reports, and most time without one. */
  readonly reportInterval: number;
  readonly reportIdle: number;
  /** Envoy's --drain-time-s. */
  readonly drain: number;
  /** How long clients wait for a chain of their server's, and a chain that goes for its clients. */
  readonly order: number;
  /** Streams of proxies end at a random age between half of this and this. */
  readonly streamAge: number;
  /** Life of a workload certificate; each phase of a change of the root takes a little longer. */
  readonly certificate: number;
  /** How long the first read of the head may take before what was kept is served. */
  readonly cloudPatience: number;
  /** How long the first lists may take before the endpoint state that was saved is used. */
  readonly kubernetesPatience: number;
  /** Least time between two writes of the endpoint state. */
  readonly endpointSave: number;
  /** How long the head may not be read before that is a condition. */
  readonly stale: number;
  /** How long an own change may be unsettled before the gateway compiles itself, and how long all must settle in time before it stops. */
  readonly autonomousAfter: number;
  readonly autonomousRecovery: number;
}

/** Environment variable → duration → default, in milliseconds. */
const durations: Readonly<Record<keyof GatewayDurations, readonly [name: string, byDefault: number]>> = {
  lease: ["WEFT_LEASE_MS", 15_000],
  headRead: ["WEFT_HEAD_READ_MS", 5000],
  settle: ["WEFT_SETTLE_MS", 1000],
  settleLimit: ["WEFT_SETTLE_LIMIT_MS", 15_000],
  heartbeat: ["WEFT_HEARTBEAT_MS", 10_000],
  classLinger: ["WEFT_CLASS_LINGER_MS", 120_000],
  reportInterval: ["WEFT_REPORT_MS", 1000],
  reportIdle: ["WEFT_REPORT_IDLE_MS", 30_000],
  drain: ["WEFT_DRAIN_MS", 30_000],
  order: ["WEFT_ORDER_MS", 1000],
  streamAge: ["WEFT_STREAM_AGE_MS", 3_600_000],
  certificate: ["WEFT_CERTIFICATE_MS", 24 * 3_600_000],
  cloudPatience: ["WEFT_CLOUD_PATIENCE_MS", 3000],
  kubernetesPatience: ["WEFT_KUBERNETES_PATIENCE_MS", 30_000],
  endpointSave: ["WEFT_ENDPOINT_SAVE_MS", 5000],
  stale: ["WEFT_STALE_MS", 15_000],
  autonomousAfter: ["WEFT_AUTONOMOUS_MS", 15_000],
  autonomousRecovery: ["WEFT_AUTONOMOUS_RECOVERY_MS", 30_000],
};

/** What ingest takes: the id is a partition key and part of document ids. */
const clusterId = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const replicaName = /^[a-z0-9][a-z0-9.-]{0,127}$/;

/** All faults at once. */
export function readGatewayConfig(environment: Environment): GatewayConfig {
  const faults: string[] = [];
  const required = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === "") faults.push(`set ${name}`);
    return value ?? "";
  };
  const namespace = environment["WEFT_NAMESPACE"] ?? "weft-system";
  const replica = environment["POD_NAME"] ?? hostname().toLowerCase();
  if (!replicaName.test(replica)) faults.push(`POD_NAME is not the name of a pod: ${replica}`);
  const cluster = required("WEFT_CLUSTER");
  if (cluster !== "" && !clusterId.test(cluster))
    faults.push(`WEFT_CLUSTER is not made of up to 63 of a-z, 0-9 and -: ${cluster}`);
  const config: GatewayConfig = {
    mesh: environment["WEFT_MESH"] ?? "weft",
    cluster,
    namespace,
    replica,
    kubeconfig: environment["KUBECONFIG"],
    hubs: cloudConnection(environment, { name: "EventHubs", member: "fullyQualifiedNamespace", faults }),
    cosmos: cloudConnection(environment, { name: "Cosmos", member: "accountEndpoint", faults }),
    database: environment["WEFT_DATABASE"] ?? "weft",
    consumerGroup: environment["WEFT_CONSUMER_GROUP"] ?? "$Default",
    xds: listenAddress(environment, { name: "WEFT_XDS_ADDRESS", byDefault: "0.0.0.0:15128", faults }),
    admin: listenAddress(environment, { name: "WEFT_ADMIN_ADDRESS", byDefault: "0.0.0.0:15129", faults }),
    serverNames: listOf(environment["WEFT_SERVER_NAMES"], [
      `weft-gateway.${namespace}.svc`,
      `weft-gateway.${namespace}.svc.cluster.local`,
    ]),
    network: {
      serviceCidrs: listOf(required("WEFT_SERVICE_CIDRS"), []),
      podCidrs: listOf(environment["WEFT_POD_CIDRS"], []),
      trustDomain: environment["WEFT_TRUST_DOMAIN"] ?? "cluster.local",
      clusterDomain: environment["WEFT_CLUSTER_DOMAIN"] ?? "cluster.local",
    },
    stateDir: environment["WEFT_STATE_DIR"] || undefined,
    durations: readDurations(environment, faults),
  };
  if (faults.length > 0) throw new MeshError("config-invalid", faults.join("; "));
  return config;
}

interface Named {
  readonly name: string;
  readonly faults: string[];
}

function cloudConnection(
  environment: Environment,
  { name, member, faults }: Named & { readonly member: string },
): CloudConnection {
  const connectionString = environment[name];
  const address = environment[`${name}__${member}`];
  if (connectionString === undefined && address === undefined)
    faults.push(`set ${name} (a connection string) or ${name}__${member}`);
  return connectionString === undefined ? { address: address ?? "" } : { connectionString };
}

function listenAddress(
  environment: Environment,
  { name, byDefault, faults }: Named & { readonly byDefault: string },
): ListenAddress {
  const text = environment[name] ?? byDefault;
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 0 || port > 65_535)
    faults.push(`${name} is not host:port: ${text}`);
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port };
}

function readDurations(environment: Environment, faults: string[]): GatewayDurations {
  const read = Object.entries(durations).map(([duration, [name, byDefault]]) => {
    const value = Number(environment[name] ?? byDefault);
    if (!(value > 0)) faults.push(`${name} is not a number of milliseconds: ${environment[name]}`);
    return [duration, value];
  });
  return Object.fromEntries(read) as GatewayDurations;
}

function listOf(text: string | undefined, byDefault: readonly string[]): readonly string[] {
  return text === undefined || text === "" ? byDefault : text.split(",").map((entry) => entry.trim());
}
