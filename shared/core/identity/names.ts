import type { AccountKey } from "../mesh/mesh.ts";

/** The names in a workload's certificate (design.md §6.4). */
export interface WorkloadNames {
  /** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>` */
  readonly spiffeId: string;
  /** `<service account>.<namespace>.<trust domain>`: what OSM's sidecars check. */
  readonly dnsName: string;
}

export function workloadNames(account: AccountKey, trustDomain: string): WorkloadNames {
  const [namespace = "", name = ""] = account.split("/");
  return {
    spiffeId: `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`,
    dnsName: `${name}.${namespace}.${trustDomain}`,
  };
}
