import type { Mesh, WorkloadClass } from "../mesh/mesh.ts";
import { headlessPort } from "./headless.ts";
import { inboundListeners } from "./inbound.ts";
import { upstreamListeners, virtualListener } from "./listeners.ts";
import { indexMesh, type PortOfService, type Reach, reachedAccounts } from "./mesh-index.ts";
import { type Resource, type ResourceId, resourceId } from "./resource.ts";
import { createResourcePool, type TranslationContext } from "./resource-pool.ts";
import { commonTrustSets } from "./sets.ts";

type Step = (context: TranslationContext, workload: WorkloadClass) => readonly Resource[];

const steps: readonly Step[] = [
  (context) => commonTrustSets(context),
  (context, workload) => workload.ipFamilies.flatMap((family) => virtualListener(context, family)),
  upstreams,
  inboundListeners,
];

/**
 * What the proxies of one class should have, as far as policy and shape decide it; endpoints and secrets are added by the gateway (fast-sets.ts).
 * Pure: the same mesh and class give the same bytes (design.md §2). Sorted by id, without repeats.
 */
export function translate(mesh: Mesh, workload: WorkloadClass): readonly Resource[] {
  return createTranslator(mesh)(workload);
}

/** The same for many classes of one mesh: what several of them get is made once, and is one object. */
export function createTranslator(mesh: Mesh): (workload: WorkloadClass) => readonly Resource[] {
  const context: TranslationContext = { index: indexMesh(mesh), pool: createResourcePool() };
  return (workload) => sortedById(steps.flatMap((step) => step(context, workload)));
}

/** Every Service port that the class may dial. Classes of the same reach share the list. */
function upstreams(context: TranslationContext, workload: WorkloadClass): readonly Resource[] {
  const reach = context.index.reachOf(workload.account);
  return context.index.portsWithin(reach).flatMap((port) => {
    const { signature } = reachedAccounts(port.backendAccounts, reach);
    const key = `${port.service.key}:${port.port.port} ${signature} ${workload.ipFamilies.join("+")}`;
    return context.pool.list(key, () => upstreamPort(context, port, { workload, reach }));
  });
}

function upstreamPort(
  context: TranslationContext,
  port: PortOfService,
  { workload, reach }: { readonly workload: WorkloadClass; readonly reach: Reach },
): readonly Resource[] {
  return port.service.headless
    ? headlessPort(context, port, reach)
    : upstreamListeners(context, port, { reach, families: workload.ipFamilies });
}

function sortedById(resources: readonly Resource[]): readonly Resource[] {
  const byId = new Map<ResourceId, Resource>();
  for (const resource of resources) byId.set(resourceId(resource), resource);
  return [...byId].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, resource]) => resource);
}
