import {
  type Backend,
  carriesRequests,
  type HttpMatch,
  type RouteRule,
  type Service,
  type ServiceKey,
  type ServicePort,
  serviceKey,
} from "../../mesh/mesh.ts";
import type { Problem } from "../../mesh/problem.ts";
import { compareObjectKeys, type ObjectKey } from "../../object.ts";
import { compareAge } from "../age.ts";
import { type HttpRoutes, sortMatches } from "../http-route-group/apply.ts";
import {
  backendNotFound,
  backendPortMissing,
  backendProtocolDiffers,
  backendWeightInvalid,
  matchesOnTcp,
  matchGroupNotFound,
  matchKindUnsupported,
  noBackendLeft,
  selfBackend,
  splitConflict,
  weightsZero,
} from "./problems.ts";
import type { TrafficSplit } from "./schema.ts";

export type KeyedSplit = TrafficSplit & { readonly key: ObjectKey };

export interface SplitLookup {
  /** A Service of the mesh, as it is without splits. */
  readonly service: (key: ServiceKey) => Pick<Service, "ports"> | undefined;
  readonly httpRoutes: (namespace: string, name: string) => HttpRoutes | undefined;
}

export type SplitRoot = Pick<Service, "key" | "namespace" | "name" | "ports">;

/** Envoy adds the weights of a route up in 32 bits; with this bound thousands of backends fit (Gateway API has the same). */
const heaviest = 1_000_000;

/** A split that counts: all others of its root lost to an older one or match nothing. */
interface EffectiveSplit {
  readonly key: ObjectKey;
  readonly backends: ReadonlyMap<string, number>;
  /** Absent: every request. */
  readonly matches?: readonly HttpMatch[];
  readonly causes: readonly ObjectKey[];
}

/**
 * The Service that a split divides, which has to stand in the split's namespace. As in OSM its DNS name may be given too:
 * `bookstore`, `bookstore.shop`, `bookstore.shop.svc.cluster.local`.
 */
export function rootOf({ key, spec }: KeyedSplit): ServiceKey | undefined {
  const [name = "", namespace = key.namespace, kind = "svc"] = spec.service.split(".");
  return namespace === key.namespace && kind === "svc" ? serviceKey(namespace, name) : undefined;
}

/**
 * The ports of a root Service with the rules that its splits make. Splits with matches come first, oldest first; the oldest one without takes the rest,
 * or else the Service itself does. A backend that cannot be used is left out and the others share its part (smi-and-gateway-api.md §1.8 rows 9 to 13).
 */
export function splitPorts(
  root: SplitRoot,
  splits: readonly KeyedSplit[],
  lookup: SplitLookup,
): { readonly ports: readonly ServicePort[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const effective = effectiveSplits(root, splits.toSorted(compareAge), lookup, problems);
  const ports = root.ports.map((port) => ({ ...port, rules: rulesOf({ root, port, effective, lookup }, problems) }));
  return { ports, problems };
}

function effectiveSplits(
  root: SplitRoot,
  oldestFirst: readonly KeyedSplit[],
  lookup: SplitLookup,
  problems: Problem[],
): readonly EffectiveSplit[] {
  const matched: EffectiveSplit[] = [];
  let rest: EffectiveSplit | undefined;
  for (const split of oldestFirst) {
    const { key, spec } = split;
    if ((spec.matches ?? []).length > 0) {
      const { matches, causes } = matchesOf(split, lookup, problems);
      if (matches.length > 0) matched.push({ key, backends: backendsOf(split, lookup, problems), matches, causes });
    } else if (rest === undefined) rest = { key, backends: backendsOf(split, lookup, problems), causes: [key] };
    else problems.push(splitConflict(key, root.name, rest.key));
  }
  return rest === undefined ? matched : [...matched, rest];
}

/** Several groups are one; what does not resolve adds nothing. */
function matchesOf(
  { key, spec }: KeyedSplit,
  lookup: SplitLookup,
  problems: Problem[],
): { readonly matches: readonly HttpMatch[]; readonly causes: readonly ObjectKey[] } {
  const matches: HttpMatch[] = [];
  const causes = new Set([key]);
  for (const [index, { kind, name }] of (spec.matches ?? []).entries()) {
    const routes = kind === "HTTPRouteGroup" ? lookup.httpRoutes(key.namespace, name) : undefined;
    if (routes !== undefined) {
      causes.add(routes.key);
      matches.push(...[...routes.matches.values()].flat());
    } else
      problems.push(
        kind === "HTTPRouteGroup" ? matchGroupNotFound(key, index, name) : matchKindUnsupported(key, index, kind),
      );
  }
  return { matches: sortMatches(matches), causes: [...causes].toSorted(compareObjectKeys) };
}

/** Weights by the name of a Service that exists; a name that is listed twice has the sum. */
function backendsOf(split: KeyedSplit, lookup: SplitLookup, problems: Problem[]): ReadonlyMap<string, number> {
  const { key, spec } = split;
  const root = rootOf(split);
  const weights = new Map<string, number>();
  for (const { service, weight } of spec.backends ?? []) {
    const valid = Number.isInteger(weight) && weight >= 0 && weight <= heaviest;
    if (!valid) problems.push(backendWeightInvalid(key, service, weight, heaviest));
    if (serviceKey(key.namespace, service) === root) problems.push(selfBackend(key, service));
    if (lookup.service(serviceKey(key.namespace, service)) !== undefined)
      weights.set(service, (weights.get(service) ?? 0) + (valid ? weight : 0));
    else problems.push(backendNotFound(key, service));
  }
  if (![...weights.values()].some((weight) => weight > 0)) problems.push(weightsZero(key));
  return weights;
}

interface RootPort {
  readonly root: SplitRoot;
  readonly port: ServicePort;
  readonly effective: readonly EffectiveSplit[];
  readonly lookup: SplitLookup;
}

function rulesOf(rootPort: RootPort, problems: Problem[]): readonly RouteRule[] {
  const { port, effective } = rootPort;
  const rules: RouteRule[] = [];
  for (const split of effective) {
    const { key, matches, causes } = split;
    if (matches !== undefined && !carriesRequests(port.protocol)) problems.push(matchesOnTcp(key, port.port));
    else rules.push({ matches: matches ?? [], backends: backendsOnPort(rootPort, split, problems), causes });
  }
  const last = rules.at(-1);
  return last !== undefined && last.matches.length === 0 ? rules : [...rules, ...port.rules];
}

/** The backends' ports of the same number; targetPort is the business of each backend. */
function backendsOnPort(
  { root, port, lookup }: RootPort,
  split: EffectiveSplit,
  problems: Problem[],
): readonly Backend[] {
  const backends: Backend[] = [];
  for (const [name, weight] of split.backends) {
    const service = serviceKey(root.namespace, name);
    const found = lookup.service(service)?.ports.find((candidate) => candidate.port === port.port);
    if (found === undefined) {
      problems.push(backendPortMissing(split.key, name, port.port));
      continue;
    }
    if (carriesRequests(found.protocol) !== carriesRequests(port.protocol)) {
      problems.push(
        backendProtocolDiffers(split.key, { service: name, port: port.port, protocol: found.protocol }, port.protocol),
      );
    }
    backends.push({ service, port: port.port, weight });
  }
  const weighted = [...split.backends.values()].some((weight) => weight > 0);
  if (weighted && !backends.some(({ weight }) => weight > 0)) problems.push(noBackendLeft(split.key, port.port));
  return backends.toSorted((a, b) => (a.service < b.service ? -1 : 1));
}
