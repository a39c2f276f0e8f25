import { createHmac } from "node:crypto";
import type { TokenCredential } from "@azure/identity";
import { MeshError } from "../../shell/mesh-error.ts";

/** Where an Event Hubs namespace is and with what one gets in. */
export interface NamespaceAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** A hub named in the connection string itself. */
  readonly entityPath: string | undefined;
  /** A token for the audience `sb://host/…`, and the type that `$cbs` wants to hear for it. */
  token(audience: string): Promise<{ readonly type: string; readonly token: string }>;
}

/** Host names of namespaces are all that the scope of identity tokens depends on. */
const identityScope = "https://eventhubs.azure.net//.default";

/** Seconds for which a signed token is good; a link that outlives it is closed by the service and opened anew. */
const tokenLifetime = 24 * 3600;

/** `Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…`; undefined when a part is missing. */
export function addressOfConnectionString(connectionString: string): NamespaceAddress | undefined {
  const parts = new Map<string, string>();
  for (const part of connectionString.split(";")) {
    const at = part.indexOf("=");
    if (at > 0) parts.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const endpoint = parts.get("endpoint");
  const keyName = parts.get("sharedaccesskeyname");
  const key = parts.get("sharedaccesskey");
  if (endpoint === undefined || keyName === undefined || key === undefined || !URL.canParse(endpoint)) return undefined;
  const emulator = parts.get("usedevelopmentemulator")?.toLowerCase() === "true";
  const url = new URL(endpoint);
  return {
    host: url.hostname,
    port: url.port === "" ? (emulator ? 5672 : 5671) : Number(url.port),
    tls: !emulator,
    entityPath: parts.get("entitypath"),
    async token(audience) {
      const expiry = Math.floor(Date.now() / 1000) + tokenLifetime;
      const resource = encodeURIComponent(audience);
      const signature = createHmac("sha256", key).update(`${resource}\n${expiry}`).digest("base64");
      const token = `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${keyName}`;
      return { type: "servicebus.windows.net:sastoken", token };
    },
  };
}

/** Identity always goes over TLS. `namespace`: a host name, with or without `sb://`. */
export function addressByIdentity(namespace: string, credential: Pick<TokenCredential, "getToken">): NamespaceAddress {
  const url = new URL(namespace.includes("://") ? namespace : `sb://${namespace}`);
  return {
    host: url.hostname,
    port: url.port === "" ? 5671 : Number(url.port),
    tls: true,
    entityPath: undefined,
    async token() {
      const token = await credential.getToken(identityScope);
      if (token === null) throw new MeshError("unavailable", `no identity is signed in for ${url.hostname}`);
      return { type: "jwt", token: token.token };
    },
  };
}
