import type { ContentHash } from "../../shared/core/brand.ts";
import { contentHash } from "../../shared/core/canonical.ts";
import type { AccountKey, ServiceKey } from "../../shared/core/mesh/mesh.ts";
import type { ViewResource } from "../../shared/core/stream/view.ts";
import { encodeAddressedListener, encodeAssignment } from "../../shared/core/xds/assignments.ts";
import { trustedPeers } from "../../shared/core/xds/connection-policies.ts";
import type { EndpointSet, HeadlessSet, TrustSet } from "../../shared/core/xds/fast-sets.ts";
import { connectionPolicyPort, upstreamListenerName } from "../../shared/core/xds/names.ts";
import type { EnvoyType, SnapshotType } from "../../shared/core/xds/resource.ts";
import { admitted, assign, type EndpointDirectory } from "./endpoints.ts";
import type { ProxySecrets } from "./secrets.ts";

/** A set of the snapshot and what the fast lane makes of it, shared by every view that holds the set. One object as long as it is held. */
export interface FastEntry {
  readonly set: Pick<FastSet, "type" | "name" | "version">;
  readonly type: EnvoyType;
  /** Whose endpoints it is made of. */
  readonly services: readonly ServiceKey[];
  /** Who may be behind it. */
  readonly accounts: readonly AccountKey[];
  readonly resources: readonly ViewResource[];
  /** What it was before it came out different for the last time. */
  readonly before: readonly ViewResource[];
}

export interface FastSet {
  readonly type: "endpoint-set" | "trust-set" | "headless-set";
  readonly name: string;
  readonly version: ContentHash;
  readonly body: Uint8Array;
}

export function isFast(type: SnapshotType): type is FastSet["type"] {
  return type === "endpoint-set" || type === "trust-set" || type === "headless-set";
}

/** Resources of the fast lane, each encoded once however many proxies have it. */
export interface FastResources {
  /** Makes the entry, or gives the present one. It stays until it was released as often as it was held. */
  hold(set: FastSet): FastEntry;
  release(entry: FastEntry): void;
  /** Makes what depends on a Service's endpoints anew; returns the entries that came out different. */
  refreshService(service: ServiceKey): readonly FastEntry[];
  /** Makes all trust secrets anew: the roots changed. */
  refreshTrust(): readonly FastEntry[];
}

interface Kept {
  readonly key: string;
  readonly entry: { -readonly [Key in keyof FastEntry]: FastEntry[Key] };
  readonly make: (before: readonly ViewResource[]) => readonly ViewResource[];
  uses: number;
}

export function createFastResources(directory: EndpointDirectory, secrets: ProxySecrets): FastResources {
  const byKey = new Map<string, Kept>();
  const byEntry = new Map<FastEntry, Kept>();
  const byService = new Map<ServiceKey, Set<Kept>>();
  const refresh = (some: Iterable<Kept>): readonly FastEntry[] => {
    const changed: FastEntry[] = [];
    for (const { entry, make } of some) {
      const resources = make(entry.resources);
      if (isSame(resources, entry.resources)) continue;
      entry.before = entry.resources;
      entry.resources = resources;
      changed.push(entry);
    }
    return changed;
  };
  return {
    hold(set) {
      const key = `${set.type}|${set.name}@${set.version}`;
      const kept = byKey.get(key) ?? { key, uses: 0, ...read(directory, secrets, set) };
      kept.uses += 1;
      if (kept.uses > 1) return kept.entry;
      byKey.set(key, kept);
      byEntry.set(kept.entry, kept);
      for (const service of kept.entry.services)
        byService.set(service, (byService.get(service) ?? new Set()).add(kept));
      return kept.entry;
    },
    release(entry) {
      const kept = byEntry.get(entry);
      if (kept === undefined) throw new Error(`${entry.set.name} is not held`);
      kept.uses -= 1;
      if (kept.uses > 0) return;
      byKey.delete(kept.key);
      byEntry.delete(entry);
      for (const service of entry.services) {
        byService.get(service)?.delete(kept);
        if (byService.get(service)?.size === 0) byService.delete(service);
      }
    },
    refreshService: (service) => refresh(byService.get(service) ?? []),
    refreshTrust: () => refresh([...byKey.values()].filter(({ entry }) => entry.type === "secret")),
  };
}

/** The set, read once, and how what it says is made. */
function read(directory: EndpointDirectory, secrets: ProxySecrets, set: FastSet): Pick<Kept, "entry" | "make"> {
  const { type, name, version } = set;
  const content = JSON.parse(Buffer.from(set.body).toString("utf8")) as unknown;
  const kept = (what: Pick<FastEntry, "type" | "services" | "accounts">, make: Kept["make"]) => ({
    entry: { set: { type, name, version }, ...what, resources: make([]), before: [] },
    make,
  });
  switch (type) {
    case "endpoint-set": {
      const { groups } = content as EndpointSet;
      const services = [...new Set(groups.map(({ service }) => service))];
      const accounts = groups.flatMap((group) => group.accounts);
      return kept({ type: "endpoint", services, accounts }, ([before]) => [
        validated(name, encodeAssignment(name, assign(directory, { groups })), before),
      ]);
    }
    case "trust-set": {
      const trust = content as TrustSet;
      return kept({ type: "secret", services: [], accounts: [] }, ([before]) => [
        trustSecret(validated(name, secrets.trust(name, trust), before), trust),
      ]);
    }
    case "headless-set": {
      const headless = content as HeadlessSet;
      const { service, accounts } = headless;
      const template = Buffer.from(headless.listenerTemplate, "base64");
      return kept({ type: "listener", services: [service], accounts }, (before) =>
        headlessListeners(admitted(directory, headless), { headless, template, before }),
      );
    }
  }
}

/** That of a server-first port decides who may open connections. */
function trustSecret(secret: ViewResource, set: TrustSet): ViewResource {
  const isConnectionPolicy = secret.peers === undefined && connectionPolicyPort(secret.name) !== undefined;
  return isConnectionPolicy ? { ...secret, peers: trustedPeers(set) } : secret;
}

function headlessListeners(
  endpoints: ReturnType<typeof admitted>,
  { headless, template, before }: { headless: HeadlessSet; template: Buffer; before: readonly ViewResource[] },
): readonly ViewResource[] {
  const present = new Map(before.map((listener) => [listener.name, listener]));
  return endpoints.map(({ address, port }) => {
    const name = upstreamListenerName(headless.service, headless.port, address);
    return validated(name, encodeAddressedListener(template, { name, address, port }), present.get(name));
  });
}

/** Made of validated values only, so never unproven (design.md §5). The one before if its bytes are the same. */
export function validated(name: string, body: Uint8Array, before?: ViewResource): ViewResource {
  if (before !== undefined && Buffer.compare(before.body, body) === 0) return before;
  return { name, body, version: contentHash(body), proven: true };
}

function isSame(a: readonly ViewResource[], b: readonly ViewResource[]): boolean {
  return a.length === b.length && a.every((resource, index) => resource === b[index]);
}
