import { CosmosClient } from "@azure/cosmos";
import type { Connection } from "../app-settings.ts";
import { FunctionsHostError } from "../functions-host-error.ts";
import { createCredential } from "../identity.ts";

/**
 * A client of the account that a connection names.
 *
 * @throws {FunctionsHostError} for an unreadable connection string, and for identity over plain HTTP: the SDK sends tokens only
 * over TLS (spec/azure.md §2.3).
 */
export function openCosmosClient(connection: Connection): CosmosClient {
  const { endpoint, key } = connection.kind === "identity" ? { ...connection, key: undefined } : parse(connection);
  // A stand-in or emulator names itself with an address that need not be the one it was reached by.
  const local = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])([:/]|$)/.test(endpoint);
  const connectionPolicy = local ? { enableEndpointDiscovery: false } : {};
  if (key !== undefined) return new CosmosClient({ endpoint, key, connectionPolicy });
  if (!endpoint.startsWith("https://")) {
    throw new FunctionsHostError(
      "setting-invalid",
      `${connection.name}__accountEndpoint is ${endpoint}: identity needs an https endpoint.`,
    );
  }
  return new CosmosClient({ endpoint, aadCredentials: createCredential(), connectionPolicy });
}

function parse(connection: { readonly name: string; readonly value: string }): { endpoint: string; key: string } {
  const endpoint = /(?:^|;)\s*AccountEndpoint=([^;]+)/i.exec(connection.value)?.[1];
  const key = /(?:^|;)\s*AccountKey=([^;]+)/i.exec(connection.value)?.[1];
  if (endpoint === undefined || key === undefined) {
    throw new FunctionsHostError(
      "setting-invalid",
      `The setting ${connection.name} is not a connection string of Cosmos DB (AccountEndpoint=…;AccountKey=…).`,
    );
  }
  return { endpoint, key };
}
