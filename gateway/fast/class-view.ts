import type { Guards, View, ViewResource } from "../../shared/core/stream/view.ts";
import { peersOf, renameChains } from "../../shared/core/xds/connection-policies.ts";
import { connectionPolicyPort, identityName, inboundListenerName } from "../../shared/core/xds/names.ts";
import { type EnvoyType, envoyTypes, parseResourceId, type SnapshotType } from "../../shared/core/xds/resource.ts";
import type { ClassPolicy } from "./class-policy.ts";
import { type FastEntry, type FastSet, validated } from "./fast-resources.ts";

/** Has a proxy acknowledged this version before? */
export type IsProven = (type: EnvoyType, name: string, version: string) => boolean;

/** What a class's view is made of. */
export interface ClassParts {
  readonly policy: ClassPolicy | undefined;
  /** The encoded secret. */
  readonly identity: Uint8Array;
  readonly entries: ReadonlyMap<string, FastEntry>;
}

type Resources = Record<EnvoyType, Map<string, ViewResource>>;

export function buildView(isProven: IsProven, { policy, identity, entries }: ClassParts, generation: number): View {
  const resources = Object.fromEntries(envoyTypes.map((type) => [type, new Map<string, ViewResource>()])) as Resources;
  for (const [id, { version, body }] of policy?.members ?? []) {
    const { type, name } = parseResourceId(id);
    if (isFast(type)) continue;
    const isConnectionPolicy = type === "extension" && connectionPolicyPort(name) !== undefined;
    resources[type].set(name, {
      name,
      version,
      body,
      get proven() {
        return isProven(type, name, version);
      },
      ...(isConnectionPolicy && { peers: peersOf(body) }),
    });
  }
  for (const { type, resources: made } of entries.values())
    for (const resource of made) resources[type].set(resource.name, resource);
  resources.secret.set(identityName, validated(identityName, identity));
  addGuards(resources);
  return { generation, snapshotVersion: policy?.version ?? 0, resources };
}

export function isFast(type: SnapshotType): type is FastSet["type"] {
  return type === "endpoint-set" || type === "trust-set" || type === "headless-set";
}

/** Says which policies the inbound listeners ask when a connection opens: those of all TCP ports that the class has. */
function addGuards(resources: Resources): void {
  const policies = (["extension", "secret"] as const).flatMap((type) =>
    [...resources[type].values()].flatMap(({ name, peers }) => (peers === undefined ? [] : [{ type, name }])),
  );
  if (policies.length === 0) return;
  for (const family of ["IPv4", "IPv6"] as const) {
    const listener = resources.listener.get(inboundListenerName(family));
    if (listener === undefined) continue;
    const { name, version, body } = listener;
    const guards: Guards = { policies, renamed: (names) => renameChains(body, names) };
    resources.listener.set(name, {
      name,
      version,
      body,
      get proven() {
        return listener.proven;
      },
      guards,
    });
  }
}
