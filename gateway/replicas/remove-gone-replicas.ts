import { MeshError } from "../../shared/shell/mesh-error.ts";
import { pause } from "../../shared/shell/pause.ts";
import { isRefusal, type KubernetesClient } from "../kubernetes/client.ts";
import { type HeldLease, leasesPath } from "../publish/lease.ts";
import type { LeaseWatch } from "./lease-watch.ts";
import { isReplicaLease } from "./names.ts";

/** A replica that was killed leaves its Lease behind, and the next one has another name. Returns what the replica with the publisher's Lease does about it. */
export function removeGoneReplicas(options: {
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly leases: Pick<LeaseWatch, "leases">;
  /** Milliseconds of silence after which a replica is gone for good. */
  readonly patience: number;
  readonly fault: (error: Error) => void;
}): (lease: Pick<HeldLease, "lost">) => Promise<void> {
  const { client, namespace, leases, patience, fault } = options;
  return async ({ lost }) => {
    while (!lost.aborted) {
      await pause(patience, lost);
      for (const { name, age } of leases.leases()) {
        if (lost.aborted) return;
        if (!isReplicaLease(name) || age < patience) continue;
        try {
          await client.call({ method: "DELETE", path: `${leasesPath({ namespace })}/${name}` });
        } catch (error) {
          if (!isRefusal(error, 404)) fault(MeshError.from(error));
        }
      }
    }
  };
}
