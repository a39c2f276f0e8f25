import type { FunctionParts } from "./ports.ts";
import type { ClusterUpdater } from "./update-cluster.ts";

/**
 * Repairs what a lost trigger left: a head whose state, settings or translator is not what is served is compiled again. Level-triggered: it looks at what
 * is, not at what happened (azure.md §6.1).
 */
export function createSweep(parts: FunctionParts, updater: ClusterUpdater) {
  return async function sweep(): Promise<void> {
    const clusters = await parts.documents.partitionsWith("clusters", "head");
    for (const cluster of clusters) await recompile(updater, cluster);
  };
}

/** Compiles the cluster when anything it was compiled from has changed. */
export async function recompile(updater: ClusterUpdater, cluster: string): Promise<void> {
  await updater.update(cluster, (state, head) => ({
    state,
    want: head.want,
    refused: head.refused,
    causes: [],
    counts: { applied: 0, stale: 0, unexpected: 0 },
  }));
}
