import { MeshError } from "../shared/shell/mesh-error.ts";
import type { FunctionParts } from "./ports.ts";
import { recompile } from "./sweep.ts";
import type { ClusterUpdater } from "./update-cluster.ts";

/** Change feed of `policies` → every cluster of the mesh compiles with the new settings. */
export function createRecomputeFleet(parts: FunctionParts, updater: ClusterUpdater) {
  return async function recomputeFleet(): Promise<void> {
    const clusters = await parts.documents.partitionsWith("clusters", "head");
    await Promise.all(
      clusters.map(async (cluster) => {
        try {
          await recompile(updater, cluster);
        } catch (error) {
          parts.log.warn("cluster not recomputed; the sweep tries again", {
            cluster,
            message: MeshError.from(error).message,
          });
        }
      }),
    );
  };
}
