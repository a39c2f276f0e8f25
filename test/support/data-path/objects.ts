/** Kubernetes objects for data-path tests, as short as a test wants to say them. Keys are `namespace/name`. */

import { fileURLToPath } from "node:url";
import type { ManifestObject } from "../../../local/scenarios/bookstore/manifests.ts";

/** The port of every test pod's driver. */
export const driverPort = 19_000;

const program = fileURLToPath(new URL("./apps/main.ts", import.meta.url));

export interface TestObject extends ManifestObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** In the mesh, with sidecars, unless told otherwise. */
export function namespace(name: string, { meshed = true }: { readonly meshed?: boolean } = {}): TestObject {
  const marks = {
    labels: { "openservicemesh.io/monitored-by": "osm" },
    annotations: { "openservicemesh.io/sidecar-injection": "enabled" },
  };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, ...(meshed && marks) } };
}

export function account(key: string): TestObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: metadataOf(key) };
}

export interface ServicePort {
  /** Its prefix says the protocol: `http-…`, `tcp-…`, `tcp-server-first-…`, `grpc-…`. */
  readonly name: string;
  readonly port: number;
  /** The same as `port` unless told otherwise. */
  readonly targetPort?: number;
}

export function service(
  key: string,
  spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports: readonly ServicePort[];
    readonly headless?: boolean;
  },
): TestObject {
  const { headless = false, ...rest } = spec;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(key),
    spec: { ...rest, ...(headless && { clusterIP: "None" }) },
  };
}

export interface PodShape {
  /** Name of the service account, `default` unless told otherwise. */
  readonly account?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Port → what listens there. */
  readonly listen?: Readonly<Record<number, "http" | "echo" | "greeting" | "grpc">>;
  /** How long it serves on after SIGTERM. Milliseconds. */
  readonly lingerMs?: number;
  /** Of a headless Service, below which the pod has a name. */
  readonly subdomain?: string;
  /** False: without a sidecar, wherever it is. */
  readonly sidecar?: boolean;
}

/** A pod that serves what `listen` says under its own name, and does what the test asks its driver for. Labelled `app: <name>` unless told otherwise. */
export function pod(key: string, shape: PodShape = {}): TestObject {
  const {
    account: serviceAccountName = "default",
    labels,
    listen = {},
    lingerMs = 0,
    subdomain,
    sidecar = true,
  } = shape;
  const metadata = metadataOf(key);
  const environment = {
    NAME: metadata.name,
    LISTEN: Object.entries(listen)
      .map(([port, kind]) => `${port}=${kind}`)
      .join(","),
    DRIVER: String(driverPort),
    LINGER_MS: String(lingerMs),
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      labels: labels ?? { app: metadata.name },
      annotations: {
        "openservicemesh.io/inbound-port-exclusion-list": String(driverPort),
        ...(!sidecar && { "openservicemesh.io/sidecar-injection": "disabled" }),
      },
    },
    spec: {
      serviceAccountName,
      terminationGracePeriodSeconds: Math.ceil(lingerMs / 1000) + 1,
      ...(subdomain !== undefined && { hostname: metadata.name, subdomain }),
      containers: [
        {
          name: "app",
          image: "none",
          command: [process.execPath, program],
          env: Object.entries(environment).map(([name, value]) => ({ name, value })),
          readinessProbe: { tcpSocket: { port: driverPort } },
        },
      ],
    },
  };
}

export interface MatchShape {
  readonly name: string;
  readonly pathRegex?: string;
  readonly methods?: readonly string[];
  readonly headers?: Readonly<Record<string, string>> | readonly Readonly<Record<string, string>>[];
}

export function routeGroup(key: string, matches: readonly MatchShape[]): TestObject {
  return {
    apiVersion: "specs.smi-spec.io/v1alpha4",
    kind: "HTTPRouteGroup",
    metadata: metadataOf(key),
    spec: { matches },
  };
}

export function tcpRoute(key: string, ports: readonly number[]): TestObject {
  return {
    apiVersion: "specs.smi-spec.io/v1alpha4",
    kind: "TCPRoute",
    metadata: metadataOf(key),
    spec: { matches: { ports } },
  };
}

export type Rule =
  | { readonly kind: "HTTPRouteGroup"; readonly name: string; readonly matches: readonly string[] }
  | { readonly kind: "TCPRoute"; readonly name: string };

/** `to` is an account of the target's own namespace, `from` are accounts as `namespace/name`. */
export function trafficTarget(
  key: string,
  { to, from, rules }: { readonly to: string; readonly from: readonly string[]; readonly rules: readonly Rule[] },
): TestObject {
  const metadata = metadataOf(key);
  return {
    apiVersion: "access.smi-spec.io/v1alpha3",
    kind: "TrafficTarget",
    metadata,
    spec: {
      destination: { kind: "ServiceAccount", name: to, namespace: metadata.namespace },
      sources: from.map((source) => ({ kind: "ServiceAccount", ...metadataOf(source) })),
      rules,
    },
  };
}

/** `backends`: Service → weight. With `groups`, only requests that fit one of these HTTPRouteGroups are divided. */
export function trafficSplit(
  key: string,
  {
    root,
    backends,
    groups,
  }: {
    readonly root: string;
    readonly backends: Readonly<Record<string, number>>;
    readonly groups?: readonly string[];
  },
): TestObject {
  return {
    apiVersion: "split.smi-spec.io/v1alpha4",
    kind: "TrafficSplit",
    metadata: metadataOf(key),
    spec: {
      service: root,
      backends: Object.entries(backends).map(([name, weight]) => ({ service: name, weight })),
      ...(groups && { matches: groups.map((name) => ({ kind: "HTTPRouteGroup", name })) }),
    },
  };
}

/** Where the settings of the mesh are. */
export const meshConfigNamespace = "osm-system";

export function meshConfig({
  permissive = false,
  egress = false,
}: {
  readonly permissive?: boolean;
  readonly egress?: boolean;
}): TestObject {
  return {
    apiVersion: "config.openservicemesh.io/v1alpha2",
    kind: "MeshConfig",
    metadata: { name: "osm-mesh-config", namespace: meshConfigNamespace },
    spec: {
      traffic: { enablePermissiveTrafficPolicyMode: permissive, enableEgress: egress },
      certificate: { serviceCertValidityDuration: "24h", certKeyBitSize: 2048 },
    },
  };
}

/** Endpoints written by hand. */
export function endpointSlice(
  key: string,
  {
    service: serviceName,
    address,
    port,
    pod: podName,
  }: {
    readonly service: string;
    readonly address: string;
    readonly port: ServicePort;
    /** The pod of the same namespace that the address is said to be. */
    readonly pod?: string;
  },
): TestObject {
  const metadata = metadataOf(key);
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": serviceName } },
    addressType: "IPv4",
    endpoints: [
      {
        addresses: [address],
        conditions: { ready: true },
        ...(podName !== undefined && { targetRef: { kind: "Pod", namespace: metadata.namespace, name: podName } }),
      },
    ],
    ports: [{ name: port.name, port: port.targetPort ?? port.port, protocol: "TCP" }],
  };
}

export function metadataOf(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
