import type { Environment } from "../shared/shell/config/env.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";

/** How a service is reached: by connection string, or by name with the app's managed identity (azure.md §6.8). */
export type Connection =
  | { readonly connectionString: string }
  | { readonly address: string; readonly clientId: string | undefined };

export interface FunctionsConfig {
  readonly mesh: string;
  readonly hubs: Connection;
  readonly cosmos: Connection;
  readonly database: string;
  readonly clusterTimeLimit: number;
  /** How long every version can be served again. Milliseconds. */
  readonly retention: number;
}

/** App settings → config; all faults at once. `EventHubs` and `Cosmos` are the connection names that the triggers use, too. */
export function readFunctionsConfig(environment: Environment): FunctionsConfig {
  const faults: string[] = [];
  const connection = (name: string, member: string): Connection => {
    const connectionString = environment[name];
    const address = environment[`${name}__${member}`];
    if (connectionString === undefined && address === undefined)
      faults.push(`set ${name} (a connection string) or ${name}__${member}`);
    return connectionString === undefined
      ? { address: address ?? "", clientId: environment[`${name}__clientId`] }
      : { connectionString };
  };
  const config: FunctionsConfig = {
    mesh: environment["WEFT_MESH"] ?? "weft",
    hubs: connection("EventHubs", "fullyQualifiedNamespace"),
    cosmos: connection("Cosmos", "accountEndpoint"),
    database: environment["WEFT_DATABASE"] ?? "weft",
    clusterTimeLimit: Number(environment["WEFT_CLUSTER_TIME_LIMIT_MS"] ?? 30_000),
    retention: Number(environment["WEFT_RETENTION_DAYS"] ?? 30) * 24 * 3600 * 1000,
  };
  if (!(config.clusterTimeLimit > 0)) faults.push("WEFT_CLUSTER_TIME_LIMIT_MS is not a number of milliseconds");
  if (!(config.retention > 0)) faults.push("WEFT_RETENTION_DAYS is not a number of days");
  if (faults.length > 0) throw new MeshError("config-invalid", faults.join("; "));
  return config;
}
