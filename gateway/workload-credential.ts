import { type TokenCredential, WorkloadIdentityCredential } from "@azure/identity";

/** The pod's workload identity. */
export function createWorkloadCredential(): TokenCredential {
  return new WorkloadIdentityCredential();
}
