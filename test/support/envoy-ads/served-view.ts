import type { AccountKey } from "../../../shared/core/mesh/mesh.ts";
import { encodeAddressedListener, encodeAssignment } from "../../../shared/core/xds/assignments.ts";
import type { EndpointSet, HeadlessSet, TrustSet } from "../../../shared/core/xds/fast-sets.ts";
import { identityName, upstreamListenerName } from "../../../shared/core/xds/names.ts";
import { type EnvoyType, envoyTypes, type Resource } from "../../../shared/core/xds/resource.ts";
import { encodeIdentitySecret, encodeTrustSecret } from "../../../shared/core/xds/secrets.ts";
import type { TestAuthority } from "./certificates.ts";

/** Encoded messages by type and name. */
export type ServedView = Readonly<Record<EnvoyType, ReadonlyMap<string, Uint8Array>>>;

export interface CompletedView {
  /** All that there is to get. */
  readonly served: ServedView;
  /** What a proxy should end up with: all clusters and listeners, and what these name. */
  readonly wanted: Readonly<Record<EnvoyType, readonly string[]>>;
}

/** Plays the fast lane: one made-up endpoint for each group of accounts, secrets below the test's root, a listener for one pod of each headless port. */
export function completeView(
  resources: readonly Resource[],
  identity: { readonly authority: TestAuthority; readonly account: AccountKey },
): CompletedView {
  const served = byType(() => new Map<string, Uint8Array>());
  const { authority, account } = identity;
  served.secret.set(identityName, encodeIdentitySecret(authority.issue(account)));
  const wanted = byType(() => new Set<string>());
  const add = (type: EnvoyType, name: string, body: Uint8Array): void => {
    served[type].set(name, body);
    if (type === "cluster" || type === "listener") wanted[type].add(name);
  };
  for (const resource of resources) {
    switch (resource.type) {
      case "endpoint-set":
        add("endpoint", resource.name, assignment(resource.name, parse(resource) as EndpointSet));
        break;
      case "trust-set":
        add(
          "secret",
          resource.name,
          encodeTrustSecret(resource.name, { roots: authority.roots, set: parse(resource) as TrustSet }),
        );
        break;
      case "headless-set":
        add("listener", ...headlessListener(parse(resource) as HeadlessSet));
        break;
      default:
        add(resource.type, resource.name, resource.body);
    }
  }
  for (const { references } of resources) {
    for (const { type, name } of references) {
      const envoyType = type === "endpoint-set" ? "endpoint" : type === "trust-set" ? "secret" : type;
      if (envoyType === "headless-set") throw new Error(`nothing can name the headless set ${name}`);
      wanted[envoyType].add(name);
      if (type === "trust-set") wanted.secret.add(identityName);
    }
  }
  return {
    served,
    wanted: byType((type) => [...wanted[type]].sort()),
  };
}

function assignment(name: string, set: EndpointSet): Uint8Array {
  const groups = set.groups.map((group, position) => ({
    label: group.label,
    sinkhole: group.sinkhole,
    ...(group.weight !== undefined && { weight: group.weight }),
    endpoints: group.accounts.map((_, index) => ({
      address: `10.244.${position + 1}.${index + 1}`,
      port: group.port,
      draining: false,
    })),
  }));
  return encodeAssignment(name, groups);
}

function headlessListener(set: HeadlessSet): [name: string, body: Uint8Array] {
  const address = "10.244.9.1";
  const name = upstreamListenerName(set.service, set.port, address);
  const template = Buffer.from(set.listenerTemplate, "base64");
  return [name, encodeAddressedListener(template, { name, address, port: set.port })];
}

function parse(resource: Resource): unknown {
  return JSON.parse(Buffer.from(resource.body).toString());
}

function byType<T>(make: (type: EnvoyType) => T): Record<EnvoyType, T> {
  return Object.fromEntries(envoyTypes.map((type) => [type, make(type)])) as Record<EnvoyType, T>;
}
