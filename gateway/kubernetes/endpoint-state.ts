import type { EndpointSlice } from "./endpoint-slices.ts";
import type { Pod } from "./pods.ts";
import type { SelectingService } from "./workload-classes.ts";

/** What the fast lane reads of the cluster, reduced as it is in memory: enough to serve existing pods while Kubernetes is away. */
export interface EndpointState {
  readonly pods: readonly Pod[];
  readonly slices: readonly EndpointSlice[];
  readonly services: readonly SelectingService[];
}
