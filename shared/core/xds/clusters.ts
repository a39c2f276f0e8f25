import type { Backend, TlsSettings } from "../mesh/mesh.ts";
import { socketAddress } from "./addresses.ts";
import { any, encode, milliseconds } from "./encode.ts";
import type { CircuitBreakers } from "./gen/envoy/config/cluster/v3/circuit_breaker.ts";
import {
  Cluster,
  type Cluster_CommonLbConfig,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from "./gen/envoy/config/cluster/v3/cluster.ts";
import type { TransportSocket } from "./gen/envoy/config/core/v3/base.ts";
import { HttpProtocolOptions } from "./gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import type { Any } from "./gen/google/protobuf/any.ts";
import { type PortOfService, type Reach, type ReachedAccounts, reachedAccounts } from "./mesh-index.ts";
import {
  backendLabel,
  blackholeName,
  headlessName,
  type IpFamily,
  localName,
  meshLabel,
  passthroughName,
  plainLabel,
  splitName,
  trustNoneName,
  upstreamName,
} from "./names.ts";
import { serviceHost, trustSetOf } from "./peers.ts";
import type { Resource } from "./resource.ts";
import type { TranslationContext } from "./resource-pool.ts";
import { setBody, trustSet } from "./sets.ts";
import { promptAds } from "./sources.ts";
import { template } from "./template.ts";
import { plaintext, upstreamTls } from "./tls.ts";
import { fittingWeights } from "./weights.ts";

/** A cluster, and what it names. */
export interface ClusterResources {
  readonly name: string;
  readonly resources: readonly Resource[];
}

const unlimited = 0xffff_ffff;

const common = {
  connectTimeout: milliseconds(5000),
  // The mesh sets no limits that nobody asked for.
  circuitBreakers: {
    thresholds: [
      { maxConnections: unlimited, maxPendingRequests: unlimited, maxRequests: unlimited, maxRetries: unlimited },
    ],
  } satisfies CircuitBreakers,
};

/** Above 0, so that endpoints which are only draining are used when no ready one is left (envoy.md §16 B). */
const panic = { healthyPanicThreshold: { value: 1 } } satisfies Cluster_CommonLbConfig;

/** Both sides speak the protocol of the request: HTTP/1, HTTP/2, gRPC, WebSocket (envoy.md §16 E). */
const downstreamProtocol: { [key: string]: Any } = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(HttpProtocolOptions, {
    upstreamProtocolOptions: {
      $case: "useDownstreamProtocolConfig",
      value: { httpProtocolOptions: {}, http2ProtocolOptions: { allowConnect: true } },
    },
  }),
};

/** One port of a Service as far as the class may reach the accounts behind it (design.md §5, Upstream cluster). */
export function upstreamCluster(context: TranslationContext, port: PortOfService, reach: Reach): ClusterResources {
  const reached = reachedAccounts(port.port.accounts, reach);
  const name = upstreamName(port.service.key, port.port.port, reached.signature);
  const causes = upstreamCauses(context, port, reached);
  // Nobody behind it may be reached: requests get 503, and nothing needs to be asked.
  if (reach !== "everyone" && reached.accounts.length === 0)
    return { name, resources: [emptyCluster(context, name, causes)] };

  const { settings } = context.index;
  const endpoints = context.pool.resource({ type: "endpoint-set", name, variant: "" }, () => ({
    body: setBody({
      groups: [
        {
          service: port.service.key,
          port: port.port.port,
          accounts: reached.accounts,
          label: meshLabel,
          sinkhole: false,
        },
      ],
    }),
    causes,
    references: [],
  }));
  const cluster = context.pool.resource({ type: "cluster", name, variant: "" }, () => ({
    body: upstreamTemplate(settings.tls)({ name, host: serviceHost(port.service.key, settings) }),
    causes: [...causes, ...settings.causes.tls],
    references: [
      { type: "endpoint-set", name },
      { type: "trust-set", name },
      { type: "trust-set", name: trustNoneName },
    ],
  }));
  return { name, resources: [cluster, endpoints, upstreamTrust(context, { name, reached, causes })] };
}

/**
 * A split TCP port: a locality for each backend, so that weights live in the endpoints and a change of them touches no
 * connection (envoy.md §16 B). Nobody eligible is an assignment without localities.
 */
export function splitCluster(
  context: TranslationContext,
  root: PortOfService,
  options: { readonly backends: readonly Backend[]; readonly reach: Reach },
): ClusterResources {
  const { index, pool } = context;
  const { settings } = index;
  const all = reachedAccounts(root.backendAccounts, options.reach);
  const name = splitName(root.service.key, root.port.port, all.signature);
  const weights = fittingWeights(options.backends.map((backend) => backend.weight));
  const members = options.backends.map((backend, position) => {
    const port = index.port(backend);
    return { port, reached: reachedAccounts(port.port.accounts, options.reach), weight: weights[position] ?? 0 };
  });
  const causes = portCauses(context, root, all);
  const known = members.filter(({ reached }) => reached.accounts.length > 0);
  const trusts = known.map(({ port, reached }) =>
    upstreamTrust(context, {
      name: upstreamName(port.service.key, port.port.port, reached.signature),
      reached,
      causes: upstreamCauses(context, port, reached),
    }),
  );

  const endpoints = pool.resource({ type: "endpoint-set", name, variant: "" }, () => ({
    body: setBody({
      groups: members
        .filter(({ weight }) => weight > 0)
        .map(({ port, reached, weight }) => ({
          service: port.service.key,
          port: port.port.port,
          accounts: reached.accounts,
          weight,
          label: backendLabel(port.service.key, port.port.port),
          sinkhole: true,
        })),
    }),
    causes,
    references: [],
  }));
  const cluster = pool.resource({ type: "cluster", name, variant: "" }, () => ({
    body: encode(Cluster, {
      ...common,
      ...endpointCluster(name, [
        ...known.map(({ port, reached }) =>
          match(
            backendLabel(port.service.key, port.port.port),
            upstreamTls({
              settings: settings.tls,
              trust: upstreamName(port.service.key, port.port.port, reached.signature),
              serverName: serviceHost(port.service.key, settings),
            }),
          ),
        ),
        match(plainLabel, plaintext()),
      ]),
      transportSocket: trustingNobody(settings.tls),
      commonLbConfig: { ...panic, localityConfigSpecifier: { $case: "localityWeightedLbConfig", value: {} } },
    }),
    causes: [...causes, ...settings.causes.tls],
    references: [
      { type: "endpoint-set", name },
      { type: "trust-set", name: trustNoneName },
      ...trusts.map((trust) => ({ type: trust.type, name: trust.name })),
    ],
  }));
  return { name, resources: [cluster, endpoints, ...trusts] };
}

/** Pods of a headless Service, each at the address that the client dialled (envoy.md §16 D). */
export function headlessCluster(
  context: TranslationContext,
  port: PortOfService,
  reached: ReachedAccounts,
): ClusterResources {
  const { settings } = context.index;
  const name = headlessName(port.service.key, port.port.port, reached.signature);
  const causes = upstreamCauses(context, port, reached);
  const trust = upstreamTrust(context, {
    name: upstreamName(port.service.key, port.port.port, reached.signature),
    reached,
    causes,
  });
  const cluster = context.pool.resource({ type: "cluster", name, variant: "" }, () => ({
    body: encode(Cluster, {
      ...common,
      name,
      clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
      lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
      transportSocket: upstreamTls({
        settings: settings.tls,
        trust: trust.name,
        serverName: serviceHost(port.service.key, settings),
      }),
      typedExtensionProtocolOptions: downstreamProtocol,
    }),
    causes: [...causes, ...settings.causes.tls],
    references: [{ type: "trust-set", name: trust.name }],
  }));
  return { name, resources: [cluster, trust] };
}

/** Everything that policy lets pass and that is not the mesh's. */
export function passthroughCluster({ index, pool }: TranslationContext): Resource {
  return pool.resource({ type: "cluster", name: passthroughName, variant: "" }, () => ({
    body: encode(Cluster, {
      ...common,
      name: passthroughName,
      clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
      lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    }),
    causes: index.settings.causes.egress,
    references: [],
  }));
}

export function blackholeCluster(context: TranslationContext): Resource {
  return emptyCluster(context, blackholeName, []);
}

/** The application itself, beside the proxy. In the class's own set (`variant`), as everything inbound. */
export function localCluster(
  { pool }: TranslationContext,
  local: {
    readonly targetPort: number;
    readonly family: IpFamily;
    readonly variant: string;
    readonly causes: Resource["causes"];
  },
): Resource {
  const name = localName(local.targetPort);
  const address = socketAddress(local.family === "IPv4" ? "127.0.0.1" : "::1", local.targetPort);
  const encoded = (): Uint8Array =>
    encode(Cluster, {
      ...common,
      name,
      clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.STATIC },
      loadAssignment: {
        clusterName: name,
        endpoints: [{ lbEndpoints: [{ hostIdentifier: { $case: "endpoint", value: { address } } }] }],
      },
      typedExtensionProtocolOptions: downstreamProtocol,
    });
  return pool.resource({ type: "cluster", name, variant: local.variant }, () => ({
    body: pool.body(`${name} ${local.family}`, encoded),
    causes: local.causes,
    references: [],
  }));
}

function emptyCluster({ pool }: TranslationContext, name: string, causes: Resource["causes"]): Resource {
  return pool.resource({ type: "cluster", name, variant: "" }, () => ({
    body: encode(Cluster, {
      ...common,
      name,
      clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.STATIC },
      loadAssignment: { clusterName: name },
    }),
    causes,
    references: [],
  }));
}

/** Endpoints by ADS. */
function endpointCluster(name: string, transportSocketMatches: Cluster["transportSocketMatches"]): Cluster {
  return {
    name,
    clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: promptAds, serviceName: name },
    transportSocketMatches,
  };
}

/** An endpoint without a label that the matches know meets this, instead of plaintext. */
function trustingNobody(settings: TlsSettings): TransportSocket {
  return upstreamTls({ settings, trust: trustNoneName });
}

const upstreamTemplates = new WeakMap<TlsSettings, UpstreamTemplate>();

type UpstreamTemplate = ReturnType<typeof createUpstreamTemplate>;

function upstreamTemplate(settings: TlsSettings): UpstreamTemplate {
  const known = upstreamTemplates.get(settings);
  if (known !== undefined) return known;
  const made = createUpstreamTemplate(settings);
  upstreamTemplates.set(settings, made);
  return made;
}

/** The clusters of Service ports. `name` is also that of their endpoints and trust set. */
function createUpstreamTemplate(settings: TlsSettings) {
  return template({ texts: ["name", "host"] }, ({ name, host }) =>
    encode(
      Cluster,
      endpointCluster(name, [match(meshLabel, upstreamTls({ settings, trust: name, serverName: host }))]),
      encode(Cluster, {
        ...common,
        typedExtensionProtocolOptions: downstreamProtocol,
        commonLbConfig: panic,
        transportSocket: trustingNobody(settings),
      }),
    ),
  );
}

function match(
  label: string,
  transportSocket: TransportSocket,
): NonNullable<Cluster["transportSocketMatches"]>[number] {
  return { name: label, match: { backend: label }, transportSocket };
}

/** `name`: upstreamName(). */
function upstreamTrust(
  context: TranslationContext,
  { name, reached, causes }: { readonly name: string; readonly reached: ReachedAccounts } & Pick<Resource, "causes">,
): Resource {
  return trustSet(context, { name, trust: trustSetOf(reached.accounts, context.index.settings), causes });
}

function upstreamCauses(
  context: TranslationContext,
  port: PortOfService,
  reached: ReachedAccounts,
): Resource["causes"] {
  return [port.service.source, ...grantCauses(context, reached)];
}

/** What makes the ways from a port to its backends what they are. */
export function portCauses(
  context: TranslationContext,
  { service, port }: PortOfService,
  reached: ReachedAccounts,
): Resource["causes"] {
  const ofRules = port.rules.flatMap(({ causes, backends }) => [
    ...causes,
    ...backends.flatMap((backend) =>
      backend.service === service.key ? [] : [context.index.port(backend).service.source],
    ),
  ]);
  return [service.source, ...ofRules, ...grantCauses(context, reached)];
}

/** Who may reach these accounts at all: what makes the set of accounts what it is, for whichever class. */
function grantCauses({ index }: TranslationContext, reached: ReachedAccounts): Resource["causes"] {
  return index.grantsTo(reached.accounts).map((grant) => grant.source);
}
