import { eachOf } from "../shared/shell/each-of.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { retryTransient } from "../shared/shell/retry.ts";
import { withTimeLimit } from "../shared/shell/time-limit.ts";
import { foldNothing } from "./fold-events.ts";
import type { FunctionParts } from "./ports.ts";
import type { ClusterUpdater } from "./update-cluster.ts";

/**
 * Repairs what a lost trigger left: a head whose state, settings or translator is not what is served is compiled again. Level-triggered: it looks at what
 * is, not at what happened (azure.md §6.1).
 */
export function createSweep(parts: FunctionParts, updater: ClusterUpdater) {
  return async function sweep(): Promise<void> {
    await recompileAll(parts, updater);
  };
}

/** Clusters at once. */
const clustersAtOnce = 8;

/** Every cluster of the mesh, each with its own time limit: one that cannot be compiled keeps none of the others waiting. */
export async function recompileAll(parts: FunctionParts, updater: ClusterUpdater): Promise<void> {
  const clusters = await parts.documents.partitionsWith("clusters", "head");
  await eachOf(clusters, clustersAtOnce, async (cluster) => {
    try {
      const work = retryTransient({ attempts: 3, baseDelay: 50, maxDelay: 1000 }, () => recompile(updater, cluster));
      await withTimeLimit(`recompiling ${cluster}`, parts.clusterTimeLimit, work);
    } catch (error) {
      const { code, message } = MeshError.from(error);
      parts.log.warn("cluster not recompiled; the next sweep tries again", { cluster, code, message });
    }
  });
}

/** Compiles the cluster when anything it was compiled from has changed. */
async function recompile(updater: ClusterUpdater, cluster: string): Promise<void> {
  await updater.update(cluster, foldNothing);
}
