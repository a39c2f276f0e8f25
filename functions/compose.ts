import { ManagedIdentityCredential, type TokenCredential } from "@azure/identity";
import { createCosmosDocumentStore } from "../shared/adapters/azure/cosmos.ts";
import { createEventHubSender } from "../shared/adapters/azure/event-hubs.ts";
import type { Connection, FunctionsConfig } from "./config.ts";
import { createIngestEvents } from "./ingest-events.ts";
import { type ClusterPins, createClusterPins } from "./pin-cluster.ts";
import type { FunctionLog, FunctionParts } from "./ports.ts";
import { createRecomputeFleet } from "./recompute-fleet.ts";
import { createRecordReports } from "./record-reports.ts";
import { createSweep } from "./sweep.ts";
import { createStorageSweep } from "./sweep-storage.ts";
import { createClusterUpdater } from "./update-cluster.ts";
import { createMessageVerifier } from "./verify-messages.ts";

/** The app's use cases over given parts: what the triggers call, and what tests and the one-process local mode call. */
export interface FunctionsApp {
  readonly parts: FunctionParts;
  readonly ingestEvents: (messages: readonly unknown[]) => Promise<void>;
  readonly recordReports: (messages: readonly unknown[]) => Promise<void>;
  readonly recomputeFleet: () => Promise<void>;
  readonly sweep: () => Promise<void>;
  readonly sweepStorage: () => Promise<void>;
  readonly pins: ClusterPins;
}

export function composeFunctions(parts: FunctionParts): FunctionsApp {
  const verifier = createMessageVerifier(parts);
  const updater = createClusterUpdater(parts);
  return {
    parts,
    ingestEvents: createIngestEvents(parts, { verifier, updater }),
    recordReports: createRecordReports(parts, verifier),
    recomputeFleet: createRecomputeFleet(parts, updater),
    sweep: createSweep(parts, updater),
    sweepStorage: createStorageSweep(parts),
    pins: createClusterPins(parts, updater),
  };
}

/** The parts in Azure, or on the stand-ins, which look the same. */
export function composeAzureParts(config: FunctionsConfig, log: FunctionLog): FunctionParts {
  const cosmos = config.cosmos;
  const documents = createCosmosDocumentStore({
    connection: "connectionString" in cosmos ? cosmos : { endpoint: cosmos.address, credential: credentialOf(cosmos) },
    database: config.database,
  });
  const hubs = config.hubs;
  const connection = "connectionString" in hubs ? hubs : { namespace: hubs.address, credential: credentialOf(hubs) };
  const snapshots = createEventHubSender({ connection, hub: "mesh-snapshots" });
  return {
    mesh: config.mesh,
    documents,
    snapshots,
    now: () => new Date(),
    log,
    clusterTimeLimit: config.clusterTimeLimit,
    retention: config.retention,
  };
}

function credentialOf(connection: Connection & { readonly clientId: string | undefined }): TokenCredential {
  return connection.clientId === undefined
    ? new ManagedIdentityCredential()
    : new ManagedIdentityCredential({ clientId: connection.clientId });
}
