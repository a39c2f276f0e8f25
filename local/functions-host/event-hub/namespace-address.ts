import {
  addressByIdentity,
  addressOfConnectionString,
  type NamespaceAddress,
} from "../../../shared/adapters/azure/namespace-address.ts";
import type { Connection } from "../app-settings.ts";
import { FunctionsHostError } from "../functions-host-error.ts";
import { createCredential } from "../identity.ts";

/**
 * Over TLS a stand-in needs a certificate that Node trusts (NODE_EXTRA_CA_CERTS).
 *
 * @throws {FunctionsHostError} when the connection string lacks a part.
 */
export function toNamespaceAddress(connection: Connection): NamespaceAddress {
  if (connection.kind === "identity") return addressByIdentity(connection.endpoint, createCredential());
  const address = addressOfConnectionString(connection.value);
  if (address !== undefined) return address;
  throw new FunctionsHostError(
    "setting-invalid",
    `The setting ${connection.name} is not a connection string of Event Hubs (Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…).`,
  );
}
