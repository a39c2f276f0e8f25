import type { ContentHash } from "../../shared/core/brand.ts";
import { contentHash } from "../../shared/core/canonical.ts";
import type { AccountKey, ServiceKey } from "../../shared/core/mesh/mesh.ts";
import type { ViewResource } from "../../shared/core/stream/view.ts";
import { encodeAddressedListener, encodeAssignment } from "../../shared/core/xds/assignments.ts";
import { trustedPeers } from "../../shared/core/xds/connection-policies.ts";
import type { EndpointSet, HeadlessSet, TrustSet } from "../../shared/core/xds/fast-sets.ts";
import { connectionPolicyPort, upstreamListenerName } from "../../shared/core/xds/names.ts";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";
import { admitted, assign, type EndpointDirectory } from "./endpoints.ts";
import type { ProxySecrets } from "./secrets.ts";

/** A set of the snapshot and what the fast lane makes of it, shared by every view that holds the set. */
export interface FastEntry {
  /** `type|name@version` of the set. */
  readonly key: string;
  readonly type: EnvoyType;
  /** Whose endpoints it is made of. */
  readonly services: readonly ServiceKey[];
  /** Who may be behind it. */
  readonly accounts: readonly AccountKey[];
  readonly resources: readonly ViewResource[];
}

export interface FastSet {
  readonly type: "endpoint-set" | "trust-set" | "headless-set";
  readonly name: string;
  readonly version: ContentHash;
  readonly body: Uint8Array;
}

/** Resources of the fast lane, each encoded once however many proxies have it. */
export interface FastResources {
  /** Makes the entry, or gives the present one. */
  entry(set: FastSet): FastEntry;
  /** Makes what depends on a Service's endpoints anew; returns the entries that came out different. */
  refreshService(service: ServiceKey): readonly FastEntry[];
  /** Makes all trust secrets anew: the roots changed. */
  refreshTrust(): readonly FastEntry[];
  /** Services that wait for this pod: an endpoint named it before it was known to carry a sidecar. */
  servicesAwaiting(pod: string): readonly ServiceKey[];
  /** Forgets entries that no view holds. */
  keepOnly(keys: ReadonlySet<string>): void;
}

export function createFastResources(directory: EndpointDirectory, secrets: ProxySecrets): FastResources {
  const made = new Map<string, { readonly set: FastSet; entry: FastEntry }>();
  const make = (set: FastSet): FastEntry => makeEntry(directory, secrets, set);
  const refresh = (fits: (entry: FastEntry) => boolean): readonly FastEntry[] => {
    const changed: FastEntry[] = [];
    for (const kept of made.values()) {
      if (!fits(kept.entry)) continue;
      const entry = make(kept.set);
      if (sameResources(entry.resources, kept.entry.resources)) continue;
      kept.entry = entry;
      changed.push(entry);
    }
    return changed;
  };
  return {
    entry(set) {
      const key = entryKey(set);
      const present = made.get(key);
      if (present !== undefined) return present.entry;
      const entry = make(set);
      made.set(key, { set, entry });
      return entry;
    },
    refreshService: (service) => refresh((entry) => entry.services.includes(service)),
    refreshTrust: () => refresh((entry) => entry.type === "secret"),
    servicesAwaiting(pod) {
      const namespace = pod.slice(0, pod.indexOf("/"));
      const services = new Set<ServiceKey>();
      for (const { entry } of made.values()) {
        for (const service of entry.services) {
          if (!service.startsWith(`${namespace}/`) || services.has(service)) continue;
          for (const slice of directory.slices(service))
            if (slice.endpoints.some((endpoint) => endpoint.pod === pod)) services.add(service);
        }
      }
      return [...services];
    },
    keepOnly(keys) {
      for (const key of made.keys()) if (!keys.has(key)) made.delete(key);
    },
  };
}

function entryKey({ type, name, version }: FastSet): string {
  return `${type}|${name}@${version}`;
}

function makeEntry(directory: EndpointDirectory, secrets: ProxySecrets, set: FastSet): FastEntry {
  const key = entryKey(set);
  const content = JSON.parse(Buffer.from(set.body).toString("utf8")) as unknown;
  switch (set.type) {
    case "endpoint-set": {
      const endpointSet = content as EndpointSet;
      const body = encodeAssignment(set.name, assign(directory, endpointSet));
      return {
        key,
        type: "endpoint",
        services: endpointSet.groups.map(({ service }) => service),
        accounts: endpointSet.groups.flatMap(({ accounts }) => accounts),
        resources: [validated(set.name, body)],
      };
    }
    case "trust-set":
      return {
        key,
        type: "secret",
        services: [],
        accounts: [],
        resources: [trustSecret(set.name, secrets.trust(set.name, content as TrustSet), content as TrustSet)],
      };
    case "headless-set": {
      const headless = content as HeadlessSet;
      const { service, accounts } = headless;
      return {
        key,
        type: "listener",
        services: [service],
        accounts,
        resources: headlessListeners(directory, headless),
      };
    }
  }
}

/** That of a server-first port decides who may open connections. */
function trustSecret(name: string, body: Uint8Array, set: TrustSet): ViewResource {
  const isConnectionPolicy = connectionPolicyPort(name) !== undefined;
  return { ...validated(name, body), ...(isConnectionPolicy && { peers: trustedPeers(set) }) };
}

function headlessListeners(directory: EndpointDirectory, headless: HeadlessSet): readonly ViewResource[] {
  const template = Buffer.from(headless.listenerTemplate, "base64");
  return admitted(directory, headless).map(({ address, port }) => {
    const name = upstreamListenerName(headless.service, headless.port, address);
    return validated(name, encodeAddressedListener(template, { name, address, port }));
  });
}

/** Made of validated values only, so never unproven (design.md §5). */
export function validated(name: string, body: Uint8Array): ViewResource {
  return { name, body, version: contentHash(body), proven: true };
}

function sameResources(a: readonly ViewResource[], b: readonly ViewResource[]): boolean {
  return (
    a.length === b.length &&
    a.every((resource, index) => resource.name === b[index]?.name && resource.version === b[index]?.version)
  );
}
