import { type AccountKey, accountKey, type Grant, type HttpMatch } from "../../mesh/mesh.ts";
import type { Problem } from "../../mesh/problem.ts";
import { compareObjectKeys, type ObjectKey } from "../../object.ts";
import { type HttpRoutes, sortMatches } from "../http-route-group/apply.ts";
import type { SmiSemantics } from "../semantics.ts";
import { type TcpRoutePorts, unionOfPorts } from "../tcp-route/apply.ts";
import {
  accountKindUnsupported,
  namespaceMismatch,
  routeKindUnsupported,
  routeMatchMissing,
  routeMatchNotFound,
  routeNotFound,
  rulesMissing,
  sourcesMissing,
} from "./problems.ts";
import type { TrafficTarget, TrafficTargetRule } from "./schema.ts";

type KeyedTarget = TrafficTarget & { readonly key: ObjectKey };

/** Finds the routes of a namespace; undefined: there is none of that name, or it cannot be read. */
export interface RouteLookup {
  readonly httpRoutes: (namespace: string, name: string) => HttpRoutes | undefined;
  readonly tcpRoute: (namespace: string, name: string) => TcpRoutePorts | undefined;
  readonly semantics: SmiSemantics;
}

/** What the rules of a target come to. A kind of rule that is named but leads nowhere is empty, which gives nothing; one that is not named is absent. */
interface Rules {
  readonly requests?: readonly HttpMatch[];
  readonly ports?: "any" | readonly number[];
  readonly causes: readonly ObjectKey[];
}

type Allowance = Pick<Grant, "http" | "tcp">;

/** The grant that a TrafficTarget gives, or none, and what is wrong with it. Whatever does not resolve gives nothing. */
export function grantOf(
  target: KeyedTarget,
  lookup: RouteLookup,
): { readonly grant?: Grant; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const to = destinationOf(target, problems);
  const from = sourcesOf(target, problems);
  const rules = resolveRules(target, lookup, problems);
  const allowance = lookup.semantics === "osm" ? allowanceAsOsm(rules) : allowanceBySpec(rules);
  if (to === undefined || from.length === 0 || (allowance.http === undefined && allowance.tcp === undefined))
    return { problems };
  const causes = [...new Set([target.key, ...rules.causes])].toSorted(compareObjectKeys);
  return { grant: { source: target.key, to, from, ...allowance, causes }, problems };
}

function destinationOf({ key, spec: { destination } }: KeyedTarget, problems: Problem[]): AccountKey | undefined {
  const namespace = destination.namespace ?? key.namespace;
  if (destination.kind !== "ServiceAccount") {
    problems.push(accountKindUnsupported(key, "spec.destination", destination.kind));
    return undefined;
  }
  if (namespace !== key.namespace) {
    problems.push(namespaceMismatch(key, namespace));
    return undefined;
  }
  return accountKey(namespace, destination.name);
}

function sourcesOf({ key, spec }: KeyedTarget, problems: Problem[]): readonly AccountKey[] {
  const sources = spec.sources ?? [];
  if (sources.length === 0) problems.push(sourcesMissing(key));
  const accounts = new Set<AccountKey>();
  for (const [index, { kind, namespace, name }] of sources.entries()) {
    if (kind === "ServiceAccount") accounts.add(accountKey(namespace ?? key.namespace, name));
    else problems.push(accountKindUnsupported(key, `spec.sources[${index}]`, kind));
  }
  return [...accounts].toSorted();
}

function resolveRules({ key, spec }: KeyedTarget, lookup: RouteLookup, problems: Problem[]): Rules {
  const rules = spec.rules ?? [];
  if (rules.length === 0) problems.push(rulesMissing(key));
  const requests: HttpMatch[] = [];
  const routes: TcpRoutePorts[] = [];
  const causes: ObjectKey[] = [];
  for (const [index, item] of rules.entries()) {
    const place = { index, item };
    if (item.kind === "HTTPRouteGroup") {
      const found = lookup.httpRoutes(key.namespace, item.name);
      if (found === undefined) problems.push(routeNotFound(key, place));
      else {
        causes.push(found.key);
        requests.push(...requestsOf(key, { place, found, semantics: lookup.semantics }, problems));
      }
    } else if (item.kind === "TCPRoute") {
      const found = lookup.tcpRoute(key.namespace, item.name);
      if (found === undefined) problems.push(routeNotFound(key, place));
      else {
        causes.push(found.key);
        routes.push(found);
      }
    } else problems.push(routeKindUnsupported(key, place));
  }
  const named = new Set(rules.map((rule) => rule.kind));
  return {
    ...(named.has("HTTPRouteGroup") && { requests: sortMatches(requests) }),
    ...(named.has("TCPRoute") && { ports: unionOfPorts(routes) }),
    causes,
  };
}

interface HttpRule {
  readonly place: { readonly index: number; readonly item: TrafficTargetRule };
  readonly found: HttpRoutes;
  readonly semantics: SmiSemantics;
}

/** A rule without `matches` means all of them in SMI's text; OSM went through the list of names and found none. */
function requestsOf(key: ObjectKey, { place, found, semantics }: HttpRule, problems: Problem[]): readonly HttpMatch[] {
  const names = place.item.matches ?? [];
  if (names.length === 0) {
    if (semantics === "spec") return [...found.matches.values()].flat();
    problems.push(routeMatchMissing(key, place));
    return [];
  }
  return names.flatMap((name) => {
    const matches = found.matches.get(name);
    if (matches === undefined) problems.push(routeMatchNotFound(key, place, name));
    return matches ?? [];
  });
}

/** OSM: HTTP needs an HTTPRouteGroup, TCP a TCPRoute; the ports of a TCPRoute narrow both. */
function allowanceAsOsm({ requests = [], ports }: Rules): Allowance {
  return {
    ...(requests.length > 0 && isOpen(ports ?? "any") && { http: { ports: ports ?? "any", requests } }),
    ...(ports !== undefined && isOpen(ports) && { tcp: { ports } }),
  };
}

/** smi-and-gateway-api.md §1.8 row 2: what is not named does not narrow; requests that are named are HTTP, so they open no TCP port. */
function allowanceBySpec({ requests, ports }: Rules): Allowance {
  if (requests === undefined && ports === undefined) return {};
  const open = ports ?? "any";
  if (!isOpen(open)) return {};
  if (requests === undefined) return { http: { ports: open, requests: "any" }, tcp: { ports: open } };
  return requests.length > 0 ? { http: { ports: open, requests } } : {};
}

function isOpen(ports: "any" | readonly number[]): boolean {
  return ports === "any" || ports.length > 0;
}
