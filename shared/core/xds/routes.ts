import type { HttpMatch, RouteRule } from "../mesh/mesh.ts";
import { portCauses, upstreamCluster } from "./clusters.ts";
import { encode, milliseconds } from "./encode.ts";
import { RouteConfiguration } from "./gen/envoy/config/route/v3/route.ts";
import type { RetryPolicy, Route, RouteMatch } from "./gen/envoy/config/route/v3/route_components.ts";
import { headerMatchers, pathRegex } from "./http-match.ts";
import { type PortOfService, type Reach, reachedAccounts } from "./mesh-index.ts";
import { routeName } from "./names.ts";
import type { Resource } from "./resource.ts";
import type { TranslationContext } from "./resource-pool.ts";
import { template } from "./template.ts";
import { fittingWeights } from "./weights.ts";

/** Only what never reached a server is tried again, so endpoints may go without a failed request. */
const retries: RetryPolicy = { retryOn: "connect-failure,refused-stream", numRetries: 2 };

/** How requests to one Service port are distributed, and the clusters they are distributed to. */
export function portRoutes(context: TranslationContext, port: PortOfService, reach: Reach): readonly Resource[] {
  const only = onlyBackend(port);
  if (only !== undefined) {
    const cluster = upstreamCluster(context, context.index.port(only), reach);
    return [singleRoute(context, port, { reach, cluster: cluster.name }), ...cluster.resources];
  }
  const name = routeName(port.service.key, port.port.port);
  const clusters = new Set<string>();
  const resources: Resource[] = [];
  const clusterOf: ClusterOf = (backend) => {
    const cluster = upstreamCluster(context, context.index.port(backend), reach);
    if (!clusters.has(cluster.name)) resources.push(...cluster.resources);
    clusters.add(cluster.name);
    return cluster.name;
  };
  const routes = port.port.rules.flatMap((rule) => ruleRoutes(rule, clusterOf));
  const body = () => encodeRoutes(name, routes);
  return [routeConfiguration(context, { name, port, reach, body, clusters: [...clusters] }), ...resources];
}

/** Who gets all requests, where they are not told apart. */
function onlyBackend({ port: { rules } }: PortOfService): RouteRule["backends"][number] | undefined {
  const [rule] = rules;
  const [backend] = rule?.backends ?? [];
  const isOnly = rules.length === 1 && rule?.matches.length === 0 && rule.backends.length === 1;
  return isOnly && backend !== undefined && backend.weight > 0 ? backend : undefined;
}

/** All requests to one cluster. */
export function singleRoute(
  context: TranslationContext,
  port: PortOfService,
  options: { readonly reach: Reach; readonly cluster: string },
): Resource {
  const { reach, cluster } = options;
  const name = routeName(port.service.key, port.port.port);
  const body = () => everythingTo({ name, cluster });
  return routeConfiguration(context, { name, port, reach, body, clusters: [cluster] });
}

type ClusterOf = (backend: RouteRule["backends"][number]) => string;

interface WeightedName {
  readonly name: string;
  readonly weight: number;
}

const everything: RouteMatch = { pathSpecifier: { $case: "prefix", value: "/" } };

function routeConfiguration(
  context: TranslationContext,
  options: {
    readonly name: string;
    readonly port: PortOfService;
    readonly reach: Reach;
    readonly body: () => Uint8Array;
    readonly clusters: readonly string[];
  },
): Resource {
  const { name, port, reach } = options;
  const reached = reachedAccounts(port.backendAccounts, reach);
  // Two classes get different routes when they reach different accounts behind the backends, and only then.
  const variant = reach === "everyone" ? "" : reached.signature;
  return context.pool.resource({ type: "route", name, variant }, () => ({
    body: options.body(),
    causes: portCauses(context, port, reached),
    references: options.clusters.map((cluster) => ({ type: "cluster", name: cluster })),
  }));
}

/** The listener was chosen by address, so any host name that led here is meant for this Service. */
function encodeRoutes(name: string, routes: readonly Route[]): Uint8Array {
  return encode(RouteConfiguration, { name, virtualHosts: [{ name, domains: ["*"], routes }] });
}

const everythingTo = template({ texts: ["name", "cluster"] }, ({ name, cluster }) =>
  encodeRoutes(name, [{ match: everything, action: toClusters([{ name: cluster, weight: 1 }]) }]),
);

function ruleRoutes(rule: RouteRule, clusterOf: ClusterOf): readonly Route[] {
  const action = ruleAction(rule, clusterOf);
  const matches = rule.matches.length === 0 ? [everything] : rule.matches.map(routeMatch);
  return matches.map((match) => ({ match, action }));
}

function ruleAction(rule: RouteRule, clusterOf: ClusterOf): NonNullable<Route["action"]> {
  const weights = fittingWeights(rule.backends.map((backend) => backend.weight));
  // Envoy refuses a total of 0.
  if (weights.every((weight) => weight === 0)) return nobodyEligible;
  return toClusters(
    rule.backends.map((backend, position) => ({ name: clusterOf(backend), weight: weights[position] ?? 0 })),
  );
}

const nobodyEligible: NonNullable<Route["action"]> = {
  $case: "directResponse",
  value: { status: 503, body: { specifier: { $case: "inlineString", value: "no backend is eligible" } } },
};

function toClusters(clusters: readonly WeightedName[]): NonNullable<Route["action"]> {
  const [only] = clusters;
  return {
    $case: "route",
    value: {
      clusterSpecifier:
        only !== undefined && clusters.length === 1
          ? { $case: "cluster", value: only.name }
          : { $case: "weightedClusters", value: { clusters: clusters.toSorted(byName) } },
      // Only the two ends know how long an answer may take.
      timeout: milliseconds(0),
      retryPolicy: retries,
    },
  };
}

function routeMatch(match: HttpMatch): RouteMatch {
  const path = pathRegex(match);
  return {
    ...(path === undefined ? everything : { pathSpecifier: { $case: "safeRegex", value: path } }),
    headers: headerMatchers(match),
  };
}

function byName(a: WeightedName, b: WeightedName): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
