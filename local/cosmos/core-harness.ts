import { setTimeout as pause } from "node:timers/promises";
import { containers } from "../../infra/containers.ts";
import type { RetryOptions } from "../../shared/adapters/azure/cosmos-refusal.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import { createCoreDocumentStore } from "./core/core-document-store.ts";
import { type CosmosCore, type CosmosCoreOptions, createCosmosCore } from "./core/cosmos-core.ts";

/** A core with the mesh's database, as tests want it: no sockets. */
export function coreWith(options: CosmosCoreOptions): CosmosCore {
  const core = createCosmosCore(options);
  core.account.createDatabase({ id: "weft" }, core.writeContext());
  for (const { partitionKey, ...container } of containers) {
    const definition = { ...container, partitionKey: { paths: [partitionKey] } };
    core.account.createContainer("weft", definition, core.writeContext());
  }
  return core;
}

/** A client of a core, with a session of its own. */
export function storeOver(core: CosmosCore, retries: Partial<RetryOptions> = {}): DocumentStore {
  return createCoreDocumentStore({
    core,
    database: "weft",
    retries: { limit: 5_000, now: () => performance.now(), pause, random: () => 0.5, ...retries },
  });
}
