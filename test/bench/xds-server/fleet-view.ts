import { contentHash } from "../../../shared/core/canonical.ts";
import type { View, ViewResource, ViewResources } from "../../../shared/core/stream/view.ts";
import { clusterName, encodeCluster } from "./fleet-clusters.ts";

/** One view for all streams: so many clusters, some of which change with every push. */
export interface FleetView {
  readonly current: View;
  /** Changes the next clusters in turn; the new view shares all others. */
  change(clusters: number): View;
}

/** Generations for which a view knows what changed since. */
const remembered = 64;

export function createFleetView(services: number): FleetView {
  const bodies = Array.from({ length: services }, (_, index) => clusterAt(index, 0));
  let current = viewOf(1, new Map(bodies.map((resource) => [resource.name, resource])), []);
  let next = 0;
  let recent: readonly Change[] = [];
  return {
    get current() {
      return current;
    },
    change(clusters) {
      const generation = current.generation + 1;
      const changed = new Map<string, ViewResource>();
      for (let count = Math.min(clusters, services); count > 0; count--) {
        const resource = clusterAt(next, generation);
        changed.set(resource.name, resource);
        next = (next + 1) % services;
      }
      recent = [...recent.slice(1 - remembered), { generation, names: [...changed.keys()] }];
      current = viewOf(generation, new Map([...current.resources.cluster, ...changed]), recent);
      return current;
    },
  };
}

const none: ViewResources = new Map();
const noResources = { cluster: none, secret: none, endpoint: none, listener: none, route: none, extension: none };

interface Change {
  readonly generation: number;
  readonly names: readonly string[];
}

function viewOf(generation: number, clusters: ReadonlyMap<string, ViewResource>, recent: readonly Change[]): View {
  return {
    generation,
    snapshotVersion: generation,
    resources: { ...noResources, cluster: clusters },
    changesSince(older) {
      const [oldest] = recent;
      if (oldest === undefined || older < oldest.generation - 1) return undefined;
      const newer = recent.filter((change) => change.generation > older);
      return [{ type: "cluster", names: [...new Set(newer.flatMap(({ names }) => names))] }];
    },
  };
}

function clusterAt(index: number, edition: number): ViewResource {
  const name = clusterName(index);
  const body = encodeCluster(name, edition);
  return { name, body, version: contentHash(body), proven: true };
}
