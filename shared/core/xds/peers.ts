import { type AccountKey, type MeshSettings, parseNamespacedName, type ServiceKey } from "../mesh/mesh.ts";
import type { TrustSet } from "./fast-sets.ts";

/** How a service account is known to its peers (design.md §6.4): the SPIFFE URI of our certificates, and the DNS name that OSM's carry. */
export interface PeerNames {
  readonly uri: string;
  readonly dns: string;
}

export function peerNames(account: AccountKey, { trustDomain }: Pick<MeshSettings, "trustDomain">): PeerNames {
  const { namespace, name } = parseNamespacedName(account);
  return { uri: `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`, dns: `${name}.${namespace}.${trustDomain}` };
}

/** Server name of TLS connections to a Service's endpoints. */
export function serviceHost(service: ServiceKey, { clusterDomain }: Pick<MeshSettings, "clusterDomain">): string {
  const { namespace, name } = parseNamespacedName(service);
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

export function trustSetOf(accounts: readonly AccountKey[], settings: Pick<MeshSettings, "trustDomain">): TrustSet {
  const peers = accounts.map((account) => peerNames(account, settings));
  return {
    names: [
      ...peers.map(({ dns }) => ({ kind: "dns" as const, name: dns })).sort(byName),
      ...peers.map(({ uri }) => ({ kind: "uri" as const, name: uri })).sort(byName),
    ],
  };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
