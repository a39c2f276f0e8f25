const prefix = "weft-replica-";

/** Every replica has a Lease of its own, beside the publisher's. */
export function replicaLeaseName(replica: string): string {
  return `${prefix}${replica}`;
}

export function isReplicaLease(name: string): boolean {
  return name.startsWith(prefix);
}
