import type { TokenCredential } from "@azure/identity";
import { createCosmosDocumentStore } from "../shared/adapters/azure/cosmos.ts";
import { createEventHubTail } from "../shared/adapters/azure/event-hub-tail.ts";
import { createEventHubSender } from "../shared/adapters/azure/event-hubs.ts";
import type { GatewayConfig } from "./config.ts";
import { createKubernetesClient } from "./kubernetes/client.ts";
import type { GatewayLog } from "./log.ts";
import type { GatewayParts } from "./ports.ts";

/** The parts in Azure, with the pod's workload identity, or on the stand-ins by connection string. */
export async function azureParts(config: GatewayConfig, log: GatewayLog): Promise<GatewayParts & AsyncDisposable> {
  const hubs =
    "connectionString" in config.hubs
      ? config.hubs
      : { namespace: config.hubs.address, credential: await workloadCredential() };
  const cosmos =
    "connectionString" in config.cosmos
      ? config.cosmos
      : { endpoint: config.cosmos.address, credential: await workloadCredential() };
  const events = createEventHubSender({ connection: hubs, hub: "mesh-events" });
  const reports = createEventHubSender({ connection: hubs, hub: "mesh-reports" });
  return {
    client: await createKubernetesClient(config.kubeconfig),
    documents: createCosmosDocumentStore({ connection: cosmos, database: config.database }),
    events,
    reports,
    openSnapshotTail: createEventHubTail({
      connection: hubs,
      hub: "mesh-snapshots",
      consumerGroup: config.consumerGroup,
    }),
    log,
    async [Symbol.asyncDispose]() {
      await Promise.all([events[Symbol.asyncDispose](), reports[Symbol.asyncDispose]()]);
    },
  };
}

/** Loaded only where an identity is used: the library of all of Azure's identities is heavy. */
async function workloadCredential(): Promise<TokenCredential> {
  const { createWorkloadCredential } = await import("./workload-credential.ts");
  return createWorkloadCredential();
}
