import type { Mesh, WorkloadClass } from "../mesh/mesh.ts";
import { blackholeCluster } from "./clusters.ts";
import { headlessPort } from "./headless.ts";
import { inboundListeners } from "./inbound.ts";
import { outsideListeners, upstreamListeners, virtualListener } from "./listeners.ts";
import { indexMesh, type PortOfService, type Reach, reachedAccounts } from "./mesh-index.ts";
import type { IpFamily } from "./names.ts";
import type { Resource } from "./resource.ts";
import { createResourcePool, type TranslationContext } from "./resource-pool.ts";
import { commonTrustSets } from "./sets.ts";

/**
 * What the proxies of one class should have, as far as policy and shape decide it; endpoints and secrets are added by the gateway (fast-sets.ts).
 * Pure: the same mesh and class give the same bytes (design.md §2). Sorted by type, name and variant, without repeats.
 */
export function translate(mesh: Mesh, workload: WorkloadClass): readonly Resource[] {
  return createTranslator(mesh)(workload);
}

/** The same for many classes of one mesh: what several of them get is made once, and is one object. */
export function createTranslator(mesh: Mesh): (workload: WorkloadClass) => readonly Resource[] {
  const index = indexMesh(mesh);
  const context: TranslationContext = { index, pool: createResourcePool() };
  const lists = new Map<string, readonly Resource[]>();
  const once = (key: string, make: () => readonly Resource[]): readonly Resource[] => {
    const known = lists.get(key);
    if (known !== undefined) return known;
    const made = sorted(make());
    lists.set(key, made);
    return made;
  };

  /** Every Service port that the class may dial. In permissive mode that is one list for all classes. */
  const upstreams = ({ account, ipFamilies }: WorkloadClass): readonly Resource[] => {
    const reach = index.reachOf(account);
    const make = (): readonly Resource[] => index.portsWithin(reach).flatMap((port) => upstream(port, reach));
    /** Classes that reach the same of a port share the list. */
    const upstream = (port: PortOfService, within: Reach): readonly Resource[] => {
      const { signature } = reachedAccounts(port.backendAccounts, within);
      const key = `${port.service.key}:${port.port.port} ${signature} ${ipFamilies.join("+")}`;
      return once(key, () => upstreamPort(context, port, { reach: within, ipFamilies }));
    };
    return reach === "everyone" ? once(`everyone ${ipFamilies.join("+")}`, make) : sorted(make());
  };

  const outsiders = (families: readonly IpFamily[]): readonly Resource[] =>
    once(`outside ${families.join("+")}`, () =>
      mesh.outside.flatMap((service) => outsideListeners(context, service, families)),
    );

  return (workload) =>
    [
      sorted(commonResources(context, workload.ipFamilies)),
      sorted(inboundListeners(context, workload)),
      outsiders(workload.ipFamilies),
      upstreams(workload),
    ].reduce(merged);
}

/** What all classes of these families get, whatever they may reach. */
export function commonResources(context: TranslationContext, families: readonly IpFamily[]): readonly Resource[] {
  return [
    ...commonTrustSets(context),
    ...families.flatMap((family) => virtualListener(context, family)),
    blackholeCluster(context),
  ];
}

/** All that a class of this reach needs to dial one port. A function of the port and of the accounts behind it that it may reach. */
export function upstreamPort(
  context: TranslationContext,
  port: PortOfService,
  { reach, ipFamilies }: { readonly reach: Reach; readonly ipFamilies: readonly IpFamily[] },
): readonly Resource[] {
  return port.service.headless
    ? headlessPort(context, port, reach)
    : upstreamListeners(context, port, { reach, families: ipFamilies });
}

// The pool gives one object for an id, so repeats are the same object.

function sorted(resources: readonly Resource[]): readonly Resource[] {
  const isSorted = resources.every((resource, position) => {
    const previous = resources[position - 1];
    return previous === undefined || compareResources(previous, resource) < 0;
  });
  return isSorted ? resources : [...new Set(resources)].sort(compareResources);
}

/** Of two lists that are sorted and without repeats. */
function merged(left: readonly Resource[], right: readonly Resource[]): readonly Resource[] {
  const all: Resource[] = [];
  let position = 0;
  for (const resource of right) {
    for (let next = left[position]; next !== undefined; next = left[position]) {
      const order = compareResources(next, resource);
      if (order > 0) break;
      if (order < 0) all.push(next);
      position += 1;
    }
    all.push(resource);
  }
  return [...all, ...left.slice(position)];
}

function compareResources(a: Resource, b: Resource): number {
  return compareText(a.type, b.type) || compareText(a.name, b.name) || compareText(a.variant, b.variant);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
