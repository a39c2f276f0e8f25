import type { FunctionParts } from "./ports.ts";
import { recompileAll } from "./sweep.ts";
import type { ClusterUpdater } from "./update-cluster.ts";

/** Change feed of `policies` → every cluster of the mesh compiles with the new settings. */
export function createRecomputeFleet(parts: FunctionParts, updater: ClusterUpdater) {
  return async function recomputeFleet(): Promise<void> {
    await recompileAll(parts, updater);
  };
}
