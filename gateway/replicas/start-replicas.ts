import type { OpenHubTail } from "../../shared/ports/event-hub.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import type { GatewayConfig } from "../config.ts";
import type { FaultsOf, GatewayParts } from "../ports.ts";
import { type HeldLease, publisherLease } from "../publish/lease.ts";
import { type LeaseWatch, startLeaseWatch } from "./lease-watch.ts";
import { isReplicaLease, replicaLeaseName } from "./names.ts";
import { createPointerRelay, type PointerRelay } from "./pointer-relay.ts";
import { removeGoneReplicas } from "./remove-gone-replicas.ts";

/** What the replicas of one gateway tell each other, by Leases. */
export interface Replicas extends AsyncDisposable {
  readonly leases: LeaseWatch;
  /** Pointers to snapshots, from whichever replica hears the hub. */
  readonly openTail: OpenHubTail;
  readonly followed: PointerRelay["followed"];
  /** What the replica with the publisher's Lease does for all. */
  readonly whileLeading: (lease: HeldLease) => Promise<void>;
}

/** So many times the Lease's duration: a replica that is silent for so long does not come back under its name. */
const goneAfter = 20;

export function startReplicas(
  config: GatewayConfig,
  { parts, faults }: { readonly parts: Pick<GatewayParts, "client" | "openSnapshotTail">; readonly faults: FaultsOf },
): Replicas {
  const { mesh, cluster, namespace, replica, durations } = config;
  const { client } = parts;
  const fault = faults("replicas");
  const leases = startLeaseWatch({ client, namespace, clock: systemClock, fault });
  const own = replicaLeaseName(replica);
  const relay = createPointerRelay({
    mesh,
    cluster,
    lease: publisherLease,
    leases,
    openHubTail: parts.openSnapshotTail,
    isHeard: () => leases.leases().some(({ name }) => isReplicaLease(name) && name !== own),
    fault: faults("follow"),
  });
  const removeGone = removeGoneReplicas({ client, namespace, leases, patience: goneAfter * durations.lease, fault });
  return {
    leases,
    openTail: relay.openTail,
    followed: relay.followed,
    async whileLeading(lease) {
      await Promise.all([relay.whileLeading(lease), removeGone(lease)]);
    },
    [Symbol.asyncDispose]: () => leases[Symbol.asyncDispose](),
  };
}
