import type { Mesh, WorkloadClass } from "../mesh/mesh.ts";
import { headlessPort } from "./headless.ts";
import { inboundListeners } from "./inbound.ts";
import { outsideListeners, upstreamListeners, virtualListener } from "./listeners.ts";
import { indexMesh, type PortOfService, type Reach, reachedAccounts } from "./mesh-index.ts";
import type { Resource } from "./resource.ts";
import { createResourcePool, type TranslationContext } from "./resource-pool.ts";
import { commonTrustSets } from "./sets.ts";

type Step = (context: TranslationContext, workload: WorkloadClass) => readonly Resource[];

const steps: readonly Step[] = [
  (context) => commonTrustSets(context),
  (context, workload) => workload.ipFamilies.flatMap((family) => virtualListener(context, family)),
  inboundListeners,
  (context, { ipFamilies }) =>
    context.pool.list(`outside ${ipFamilies.join("+")}`, () => sorted(outsideListeners(context, ipFamilies))),
  upstreams,
];

/**
 * What the proxies of one class should have, as far as policy and shape decide it; endpoints and secrets are added by the gateway (fast-sets.ts).
 * Pure: the same mesh and class give the same bytes (design.md §2). Sorted by type, name and variant, without repeats.
 */
export function translate(mesh: Mesh, workload: WorkloadClass): readonly Resource[] {
  return createTranslator(mesh)(workload);
}

/** The same for many classes of one mesh: what several of them get is made once, and is one object. */
export function createTranslator(mesh: Mesh): (workload: WorkloadClass) => readonly Resource[] {
  const context: TranslationContext = { index: indexMesh(mesh), pool: createResourcePool() };
  return (workload) =>
    steps.map((step) => step(context, workload)).reduce((all, some) => merged(all, sorted(some)), []);
}

/** Every Service port that the class may dial. In permissive mode that is one list for all classes. */
function upstreams(context: TranslationContext, { account, ipFamilies }: WorkloadClass): readonly Resource[] {
  const reach = context.index.reachOf(account);
  const make = (): readonly Resource[] =>
    context.index.portsWithin(reach).flatMap((port) => upstreamPort(context, port, { reach, ipFamilies }));
  return reach === "everyone" ? context.pool.list(`everyone ${ipFamilies.join("+")}`, () => sorted(make())) : make();
}

/** Classes that reach the same of a port share the list. */
function upstreamPort(
  context: TranslationContext,
  port: PortOfService,
  { reach, ipFamilies }: { readonly reach: Reach; readonly ipFamilies: WorkloadClass["ipFamilies"] },
): readonly Resource[] {
  const { signature } = reachedAccounts(port.backendAccounts, reach);
  const key = `${port.service.key}:${port.port.port} ${signature} ${ipFamilies.join("+")}`;
  return context.pool.list(key, () =>
    port.service.headless
      ? headlessPort(context, port, reach)
      : upstreamListeners(context, port, { reach, families: ipFamilies }),
  );
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
