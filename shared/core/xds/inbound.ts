import type { InboundPort, WorkloadClass } from "../mesh/mesh.ts";
import { socketAddress } from "./addresses.ts";
import { handshakeAuthorization, httpAuthorization, tcpAuthorization } from "./authorization.ts";
import { localCluster } from "./clusters.ts";
import { any, encode, milliseconds } from "./encode.ts";
import { TrafficDirection } from "./gen/envoy/config/core/v3/base.ts";
import { Listener } from "./gen/envoy/config/listener/v3/listener.ts";
import type { Filter, FilterChain, ListenerFilter } from "./gen/envoy/config/listener/v3/listener_components.ts";
import { TlsInspector } from "./gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts";
import { inboundHttp } from "./http-connections.ts";
import { originalDestination } from "./listeners.ts";
import {
  blackholeName,
  type IpFamily,
  inboundChainName,
  inboundListenerName,
  localName,
  portTrustName,
  trustAnyName,
} from "./names.ts";
import type { Resource } from "./resource.ts";
import type { TranslationContext } from "./resource-pool.ts";
import { inboundTcp, tcpProxy } from "./tcp-connections.ts";
import { downstreamTls, meshAlpn } from "./tls.ts";

const inboundPort = 15003;

const tlsInspector: ListenerFilter = {
  name: "envoy.filters.listener.tls_inspector",
  configType: { $case: "typedConfig", value: any(TlsInspector, {}) },
};

/**
 * Takes every incoming connection: a chain for each target port, for TLS that carries the mesh's mark; anything else is closed. Everything inbound has the
 * class as its variant, so that what classes share (all they dial) is one set, whatever they serve.
 */
export function inboundListeners(context: TranslationContext, workload: WorkloadClass): readonly Resource[] {
  const ports = workload.inbound.map((port) => inboundPortResources(context, workload, port));
  const listeners = workload.ipFamilies.map((family) => inboundListener(context, workload, { family, ports }));
  return [...listeners, ...ports.flatMap(({ resources }) => resources)];
}

interface InboundPortResources {
  /** What the chain depends on, beside the mesh's settings. */
  readonly key: string;
  readonly chain: () => FilterChain;
  readonly resources: readonly Resource[];
  readonly references: Resource["references"];
  readonly causes: Resource["causes"];
}

function inboundListener(
  { index, pool }: TranslationContext,
  workload: WorkloadClass,
  options: { readonly family: IpFamily; readonly ports: readonly InboundPortResources[] },
): Resource {
  const { family, ports } = options;
  const name = inboundListenerName(family);
  const encoded = (): Uint8Array =>
    // A change of any field but the chains would drain all connections (envoy.md §16 C).
    encode(Listener, {
      name,
      address: socketAddress(family === "IPv4" ? "0.0.0.0" : "::", inboundPort),
      trafficDirection: TrafficDirection.INBOUND,
      listenerFilters: [originalDestination, tlsInspector],
      listenerFiltersTimeout: milliseconds(5000),
      filterChains: ports.map(({ chain }) => chain()),
      defaultFilterChain: { name: blackholeName, filters: [tcpProxy("inbound_refused", blackholeName)] },
    });
  return pool.resource({ type: "listener", name, variant: workload.key }, () => ({
    body: pool.body([name, ...ports.map(({ key }) => key)].join(" "), encoded),
    causes: [...ports.flatMap(({ causes }) => causes), ...index.settings.causes.tls, workload.source],
    references: [{ type: "cluster", name: blackholeName }, ...ports.flatMap(({ references }) => references)],
  }));
}

function inboundPortResources(
  context: TranslationContext,
  workload: WorkloadClass,
  port: InboundPort,
): InboundPortResources {
  const { targetPort } = port;
  const cluster = localName(targetPort);
  const { filters, trust, policy } = protocolFilters(context, workload, port);
  const causes = port.services.map(({ source }) => source);
  return {
    key: `${targetPort} ${port.protocol}`,
    chain: () => ({
      name: inboundChainName(targetPort),
      filterChainMatch: {
        destinationPort: targetPort,
        transportProtocol: "tls",
        applicationProtocols: [meshAlpn],
      },
      transportSocket: downstreamTls({ settings: context.index.settings.tls, trust }),
      filters: filters(),
    }),
    resources: [
      localCluster(context, {
        targetPort,
        family: workload.ipFamilies.includes("IPv4") ? "IPv4" : "IPv6",
        variant: workload.key,
        causes,
      }),
      policy,
    ],
    references: [
      { type: "cluster", name: cluster },
      { type: policy.type, name: policy.name },
      { type: "trust-set", name: trust },
    ],
    causes,
  };
}

function protocolFilters(
  context: TranslationContext,
  workload: WorkloadClass,
  { targetPort, protocol }: InboundPort,
): { readonly filters: () => readonly Filter[]; readonly trust: string; readonly policy: Resource } {
  const cluster = localName(targetPort);
  switch (protocol) {
    case "http":
    case "grpc": {
      const { filter, resource } = httpAuthorization(context, workload, targetPort);
      return {
        filters: () => [inboundHttp({ cluster, authorization: filter() })],
        trust: trustAnyName,
        policy: resource,
      };
    }
    case "tcp": {
      const { filter, resource } = tcpAuthorization(context, workload, targetPort);
      return { filters: () => [filter(), inboundTcp(cluster)], trust: trustAnyName, policy: resource };
    }
    case "tcp-server-first": {
      const policy = handshakeAuthorization(context, workload, targetPort);
      return { filters: () => [inboundTcp(cluster)], trust: portTrustName(targetPort), policy };
    }
  }
}
