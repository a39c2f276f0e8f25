import type { Guards, View, ViewResource } from "../../shared/core/stream/view.ts";
import { peersOf, renameChains } from "../../shared/core/xds/connection-policies.ts";
import { connectionPolicyPort, identityName, inboundListenerName, isLocalName } from "../../shared/core/xds/names.ts";
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

/** Whether the inbound listeners are the same. */
export function sameInbound(before: View, after: View): boolean {
  return inboundNames.every(
    (name) => before.resources.listener.get(name)?.version === after.resources.listener.get(name)?.version,
  );
}

/** The ports with an inbound chain: each has a cluster of its own. */
export function inboundPorts(view: View): ReadonlySet<string> {
  return new Set([...view.resources.cluster.keys()].filter(isLocalName));
}

export function losesPorts(before: View, after: View): boolean {
  return !sameInbound(before, after) && [...inboundPorts(before)].some((port) => !after.resources.cluster.has(port));
}

/**
 * A view but for the inbound listeners, and what only these refer to: they stay as they were. Policies that there still are come from the view.
 * Whoever acknowledges it has not all of the view's snapshot.
 */
export function keepInbound(before: View, view: View, generation: number): View {
  const resources: Resources = {
    ...view.resources,
    listener: new Map(view.resources.listener),
    cluster: withMissing(before, view, { type: "cluster", fits: isLocalName }),
    extension: withMissing(before, view, { type: "extension", fits: () => true }),
    secret: withMissing(before, view, { type: "secret", fits: (name) => connectionPolicyPort(name) !== undefined }),
  } as Resources;
  for (const name of inboundNames) {
    const kept = before.resources.listener.get(name);
    if (kept !== undefined) resources.listener.set(name, kept);
  }
  return { generation, snapshotVersion: before.snapshotVersion, resources };
}

const inboundNames = (["IPv4", "IPv6"] as const).map(inboundListenerName);

function withMissing(
  before: View,
  view: View,
  { type, fits }: { readonly type: EnvoyType; readonly fits: (name: string) => boolean },
): Map<string, ViewResource> {
  const kept = [...before.resources[type]].filter(([name]) => fits(name) && !view.resources[type].has(name));
  return new Map([...view.resources[type], ...kept]);
}
