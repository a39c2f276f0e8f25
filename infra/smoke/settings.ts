import { DefaultAzureCredential } from "@azure/identity";
import type { CosmosOptions } from "../../shared/adapters/azure/cosmos.ts";
import type { HubOptions } from "../../shared/adapters/azure/event-hubs.ts";
import type { Environment } from "../../shared/shell/config/env.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";

/** Whose credentials the person who runs it has taken: what is allowed and what must be refused depends on it. */
export const roles = ["gateway", "functions", "owner"] as const;
export type Role = (typeof roles)[number];

export interface SmokeSettings {
  readonly role: Role;
  readonly hubs: HubOptions["connection"];
  readonly cosmos: CosmosOptions["connection"];
  readonly database: string;
  /** `https://<app>.azurewebsites.net`; without it nothing is measured over HTTP. */
  readonly functionsUrl: string | undefined;
}

/** The names are those of the functions' app settings. A connection string is an owner: it has all rights. */
export function readSmokeSettings(environment: Environment, role: Role): SmokeSettings {
  const credential = new DefaultAzureCredential();
  const { EventHubs: hubs, Cosmos: cosmos } = environment;
  const namespace = environment["EventHubs__fullyQualifiedNamespace"];
  const endpoint = environment["Cosmos__accountEndpoint"];
  if ((hubs ?? namespace) === undefined || (cosmos ?? endpoint) === undefined) {
    const names = "EventHubs (or EventHubs__fullyQualifiedNamespace) and Cosmos (or Cosmos__accountEndpoint)";
    throw new MeshError("config-invalid", `set ${names}, as in the functions' app settings`);
  }
  if ((hubs ?? cosmos) !== undefined && role !== "owner")
    throw new MeshError(
      "config-invalid",
      `a connection string is no ${role}: use --as owner, or names and an identity`,
    );
  return {
    role,
    hubs: hubs === undefined ? { namespace: namespace ?? "", credential } : { connectionString: hubs },
    cosmos: cosmos === undefined ? { endpoint: endpoint ?? "", credential } : { connectionString: cosmos },
    database: environment["WEFT_DATABASE"] ?? "weft",
    functionsUrl: environment["WEFT_FUNCTIONS_URL"],
  };
}
