import type { MeshSettings, OutsideService } from "../mesh/mesh.ts";
import { cidrRanges, cidrText, familyOf, socketAddress } from "./addresses.ts";
import { blackholeCluster, passthroughCluster, portCauses, splitCluster, upstreamCluster } from "./clusters.ts";
import { any, encode } from "./encode.ts";
import { TrafficDirection } from "./gen/envoy/config/core/v3/base.ts";
import { Listener } from "./gen/envoy/config/listener/v3/listener.ts";
import type { Filter, FilterChain, ListenerFilter } from "./gen/envoy/config/listener/v3/listener_components.ts";
import { OriginalDst } from "./gen/envoy/extensions/filters/listener/original_dst/v3/original_dst.ts";
import { notGrantedHttp, outboundHttp } from "./http-connections.ts";
import { type PortOfService, type Reach, reachedAccounts } from "./mesh-index.ts";
import {
  blackholeName,
  type IpFamily,
  outboundListenerName,
  passthroughName,
  routeName,
  upstreamListenerName,
} from "./names.ts";
import type { Resource } from "./resource.ts";
import type { TranslationContext } from "./resource-pool.ts";
import { portRoutes } from "./routes.ts";
import { tcpProxy } from "./tcp-connections.ts";
import { template } from "./template.ts";

const outboundPort = 15001;

/** Where a redirected connection was meant to go. */
export const originalDestination: ListenerFilter = {
  name: "envoy.filters.listener.original_dst",
  configType: { $case: "typedConfig", value: any(OriginalDst, {}) },
};

/**
 * Takes every outgoing connection and hands it to the listener of its destination. What no listener claims meets chains that depend on settings alone,
 * so this listener, which all connections pass, never changes with Services, pods or policy (design.md §5, Outbound).
 */
export function virtualListener(context: TranslationContext, family: IpFamily): readonly Resource[] {
  const { settings } = context.index;
  const name = outboundListenerName(family);
  const otherwise = settings.egress ? passthroughName : blackholeName;
  const listener = context.pool.resource({ type: "listener", name, variant: "" }, () => ({
    body: encode(Listener, {
      name,
      address: socketAddress(family === "IPv4" ? "0.0.0.0" : "::", outboundPort),
      trafficDirection: TrafficDirection.OUTBOUND,
      useOriginalDst: true,
      listenerFilters: [originalDestination],
      filterChains: unclaimedChains(settings, family),
      defaultFilterChain: { name: otherwise, filters: [tcpProxy(otherwise, otherwise)] },
    }),
    causes: [...settings.causes.egress, ...settings.causes.cidrs],
    references: [blackholeName, otherwise].map((cluster) => ({ type: "cluster", name: cluster })),
  }));
  return [listener, blackholeCluster(context), ...(settings.egress ? [passthroughCluster(context)] : [])];
}

/** Addresses of the mesh that no listener claims: Services answer 403, pods are closed; neither is ever reached in plaintext. */
function unclaimedChains(settings: MeshSettings, family: IpFamily): readonly FilterChain[] {
  const services = cidrRanges(settings.serviceCidrs, family);
  const taken = new Set(services.map(cidrText));
  const pods = cidrRanges(settings.podCidrs, family).filter((range) => !taken.has(cidrText(range)));
  const chains: FilterChain[] = [];
  if (services.length > 0) {
    chains.push({ name: "not_granted", filterChainMatch: { prefixRanges: services }, filters: [notGrantedHttp()] });
  }
  if (pods.length > 0) {
    chains.push({
      name: "unclaimed_pods",
      filterChainMatch: { prefixRanges: pods },
      filters: [tcpProxy("unclaimed_pods", blackholeName)],
    });
  }
  return chains;
}

/** All that a class of this reach needs to dial one port of a Service: a listener for each of its addresses, and what these name. */
export function upstreamListeners(
  context: TranslationContext,
  port: PortOfService,
  options: { readonly reach: Reach; readonly families: readonly IpFamily[] },
): readonly Resource[] {
  const addresses = port.service.addresses.filter((address) => options.families.includes(familyOf(address)));
  if (addresses.length === 0) return [];
  const isHttp = port.port.protocol === "http" || port.port.protocol === "grpc";
  return isHttp
    ? httpListeners(context, port, { addresses, reach: options.reach })
    : tcpListeners(context, port, { addresses, reach: options.reach });
}

/**
 * A listener for each address and port of a Service outside the mesh: they lie in the same ranges as the mesh's own, whose unclaimed addresses are
 * refused. Only where egress is on.
 */
export function outsideListeners(
  context: TranslationContext,
  { key, addresses, ports, source }: OutsideService,
  families: readonly IpFamily[],
): readonly Resource[] {
  if (!context.index.settings.egress) return [];
  return addresses
    .filter((address) => families.includes(familyOf(address)))
    .flatMap((address) =>
      ports.map((port) =>
        outsideListener(context, { name: upstreamListenerName(key, port, address), address, port, source }),
      ),
    );
}

function outsideListener(
  context: TranslationContext,
  {
    name,
    address,
    port,
    source,
  }: {
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly source: Resource["causes"][number];
  },
): Resource {
  return context.pool.resource({ type: "listener", name, variant: "" }, () => ({
    body: tcpListener({ name, address, port, statistics: passthroughName, cluster: passthroughName }),
    causes: [source, ...context.index.settings.causes.egress],
    references: [{ type: "cluster", name: passthroughName }],
  }));
}

interface AddressedReach {
  readonly addresses: readonly string[];
  readonly reach: Reach;
}

function httpListeners(
  context: TranslationContext,
  port: PortOfService,
  { addresses, reach }: AddressedReach,
): readonly Resource[] {
  const route = routeName(port.service.key, port.port.port);
  const listeners = addresses.map((address) => {
    const name = upstreamListenerName(port.service.key, port.port.port, address);
    return context.pool.resource({ type: "listener", name, variant: "" }, () => ({
      body: httpListener({ name, address, port: port.port.port, route }),
      causes: [port.service.source],
      references: [{ type: "route", name: route }],
    }));
  });
  return [...listeners, ...portRoutes(context, port, reach)];
}

function tcpListeners(
  context: TranslationContext,
  port: PortOfService,
  { addresses, reach }: AddressedReach,
): readonly Resource[] {
  const { cluster, resources } = tcpCluster(context, port, reach);
  const reached = reachedAccounts(port.backendAccounts, reach);
  const listeners = addresses.map((address) => {
    const name = upstreamListenerName(port.service.key, port.port.port, address);
    const variant = reach === "everyone" ? "" : reached.signature;
    return context.pool.resource({ type: "listener", name, variant }, () => ({
      body: tcpListener({
        name,
        address,
        port: port.port.port,
        statistics: routeName(port.service.key, port.port.port),
        cluster,
      }),
      causes: portCauses(context, port, reached),
      references: [{ type: "cluster", name: cluster }],
    }));
  });
  return [...listeners, ...resources];
}

/** The port's own endpoints, or a split whose weights the cluster does not know. */
function tcpCluster(
  context: TranslationContext,
  port: PortOfService,
  reach: Reach,
): { readonly cluster: string; readonly resources: readonly Resource[] } {
  // TCP ports have only rules without matches, of which the first takes everything.
  const backends = port.port.rules[0]?.backends ?? [];
  const [only] = backends;
  const isOwn =
    backends.length === 1 &&
    only !== undefined &&
    only.service === port.service.key &&
    only.port === port.port.port &&
    only.weight > 0;
  const { name, resources } = isOwn
    ? upstreamCluster(context, port, reach)
    : splitCluster(context, port, { backends, reach });
  return { cluster: name, resources };
}

const httpListener = template(
  { texts: ["name", "address", "route"], numbers: ["port"] },
  ({ name, address, port, route }) => upstreamListener({ name, address, port, filter: outboundHttp(route) }),
);

const tcpListener = template(
  { texts: ["name", "address", "statistics", "cluster"], numbers: ["port"] },
  ({ name, address, port, statistics, cluster }) =>
    upstreamListener({ name, address, port, filter: tcpProxy(statistics, cluster) }),
);

/** Has no socket of its own: the virtual listener hands connections to this address over to it. */
function upstreamListener(options: {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly filter: Filter;
}): Uint8Array {
  const { name, address, port, filter } = options;
  return encode(
    Listener,
    { name, address: socketAddress(address, port), filterChains: [{ filters: [filter] }] },
    encode(Listener, { trafficDirection: TrafficDirection.OUTBOUND, bindToPort: false }),
  );
}
