/** What the cluster's names mean: CoreDNS' answers for Services, headless Services and their pods. Pure. */

import { type EndpointSlice, keyOf, type Service, serviceKeyOf } from "./kubernetes-objects.ts";

const CLUSTER_DOMAIN = "cluster.local";

/** Lower case names without the last dot. */
export interface DnsZone {
  /** IPv4 addresses of a name. A name that exists without any has an empty list. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** ExternalName Services: the name that each stands for. */
  readonly aliases: ReadonlyMap<string, string>;
}

export type DnsAnswer =
  | { readonly kind: "found"; readonly addresses: readonly string[]; readonly alias?: string }
  | { readonly kind: "unknown" };

export function buildDnsZone(services: Iterable<Service>, slices: Iterable<EndpointSlice>): DnsZone {
  const addresses = new Map<string, string[]>();
  const aliases = new Map<string, string>();
  const headless = new Set<string>();
  for (const service of services) {
    const name = domainOf(keyOf(service));
    const { clusterIP, type, externalName } = service.spec;
    if (type === "ExternalName") aliases.set(name, (externalName ?? "").replace(/\.$/, "").toLowerCase());
    else if (clusterIP === "None") {
      headless.add(keyOf(service));
      addresses.set(name, []);
    } else addresses.set(name, clusterIP === undefined || clusterIP === "" ? [] : [clusterIP]);
  }
  for (const slice of slices) {
    const key = serviceKeyOf(slice);
    if (key === undefined || !headless.has(key) || slice.addressType !== "IPv4") continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      add(addresses, domainOf(key), endpoint.addresses);
      if (endpoint.hostname !== undefined) add(addresses, `${endpoint.hostname}.${domainOf(key)}`, endpoint.addresses);
    }
  }
  return { addresses, aliases };
}

/** Looks a name up, following an alias that leads to a name of the zone. */
export function resolveName(zone: DnsZone, name: string): DnsAnswer {
  const wanted = name.replace(/\.$/, "").toLowerCase();
  const alias = zone.aliases.get(wanted);
  if (alias !== undefined) return { kind: "found", addresses: zone.addresses.get(alias) ?? [], alias };
  const addresses = zone.addresses.get(wanted);
  return addresses === undefined ? { kind: "unknown" } : { kind: "found", addresses };
}

function domainOf(serviceKey: string): string {
  const [namespace = "", name = ""] = serviceKey.split("/");
  return `${name}.${namespace}.svc.${CLUSTER_DOMAIN}`.toLowerCase();
}

function add(map: Map<string, string[]>, name: string, more: readonly string[]): void {
  map.set(name, [...new Set([...(map.get(name) ?? []), ...more])].sort());
}
