import type { Guards, View, ViewResource, ViewResources } from "../../shared/core/stream/view.ts";
import { renameChains } from "../../shared/core/xds/connection-policies.ts";
import { connectionPolicyPort, inboundListenerName, isLocalName } from "../../shared/core/xds/names.ts";
import { type EnvoyType, envoyTypes } from "../../shared/core/xds/resource.ts";
import type { ClassGroup, GroupPolicy } from "./class-group.ts";
import { noResources, over } from "./layered-resources.ts";
import { changeOf, mergeChanges, type ViewChanges, type ViewHistory } from "./view-changes.ts";

type Resources = Record<EnvoyType, ViewResources>;

/** Gives the group the view of its layers as they are now. `changes`: in the layers, since the present view; undefined: not known. */
export function renewView(group: ClassGroup, policy: GroupPolicy, { changes, generation, change }: ViewNews): void {
  const { view: before, history } = group;
  let known = before && changes;
  let resources: Resources;
  if (before === undefined || changes === undefined || changes.some(({ type }) => isGuarding(type))) {
    resources = composed(policy);
    const guarded = guardListeners(group, resources.listener, policiesOf(policy));
    resources.listener = over(guarded, resources.listener);
    const isNew = ([name, listener]: [string, ViewResource]) => before?.resources.listener.get(name) !== listener;
    const names = [...guarded].filter(isNew).map(([name]) => name);
    known &&= mergeChanges(known, changeOf("listener", names));
  } else {
    resources = { ...before.resources };
    for (const { type } of changes) resources[type] = ofType(policy, type);
  }
  history.add(generation, known);
  group.view = {
    generation,
    change,
    snapshotVersion: policy.version,
    resources,
    changesSince: changesUntil(history, generation),
  };
}

/** A function of its own: as a closure among others it would keep what these see, and so each view the one before. */
function changesUntil(history: ViewHistory, generation: number): (older: number) => ViewChanges | undefined {
  return (older) => history.between(older, generation);
}

/** All that a class has. */
export function composed(policy: GroupPolicy): Resources {
  return Object.fromEntries(envoyTypes.map((type) => [type, ofType(policy, type)])) as Resources;
}

function ofType({ own, shared }: GroupPolicy, type: EnvoyType): ViewResources {
  return over(own.resources[type], shared?.resources[type] ?? noResources);
}

/** Whether resources of the type decide what guards a listener. */
function isGuarding(type: EnvoyType): boolean {
  return type === "listener" || type === "extension" || type === "secret";
}

/** The numbers are those of the new view (View). */
export interface ViewNews {
  readonly generation: number;
  readonly change: number;
  readonly changes: ViewChanges | undefined;
}

const inboundNames = (["IPv4", "IPv6"] as const).map(inboundListenerName);

/** The inbound listeners with the policies that they ask when a connection opens: those of all TCP ports that the class has. */
function guardListeners(
  { guarded }: ClassGroup,
  listeners: ViewResources,
  policies: Guards["policies"],
): Map<string, ViewResource> {
  const edits = new Map<string, ViewResource>();
  if (policies.length === 0) return edits;
  const text = JSON.stringify(policies);
  for (const name of inboundNames) {
    const listener = listeners.get(name);
    if (listener === undefined) continue;
    const known = guarded.get(name);
    const isKnown = known?.listener === listener && known.policies === text;
    const made = isKnown ? known.guarded : guardedListener(listener, policies);
    guarded.set(name, { listener, policies: text, guarded: made });
    edits.set(name, made);
  }
  return edits;
}

function guardedListener(listener: ViewResource, policies: Guards["policies"]): ViewResource {
  const { name, version, body } = listener;
  return {
    name,
    version,
    body,
    proven: listener.proven,
    guards: { policies, renamed: (names) => renameChains(body, names) },
  };
}

function policiesOf({ own, shared }: GroupPolicy): Guards["policies"] {
  return (["extension", "secret"] as const).flatMap((type) =>
    [own.resources[type], shared?.resources[type] ?? noResources].flatMap((resources) =>
      connectionPolicies(resources).map((name) => ({ type, name })),
    ),
  );
}

const policiesKnown = new WeakMap<ViewResources, readonly string[]>();

/** Names of those that are asked when a connection opens; looked for once in what many classes share. */
function connectionPolicies(resources: ViewResources): readonly string[] {
  const known = policiesKnown.get(resources);
  if (known !== undefined) return known;
  const names = [...resources.values()].flatMap(({ name, peers }) => (peers === undefined ? [] : [name]));
  policiesKnown.set(resources, names);
  return names;
}

/** Whether the inbound listeners are the same. */
export function sameInbound(before: View, after: View): boolean {
  return (
    before.resources.listener === after.resources.listener ||
    inboundNames.every(
      (name) => before.resources.listener.get(name)?.version === after.resources.listener.get(name)?.version,
    )
  );
}

const portsKnown = new WeakMap<ViewResources, ReadonlySet<string>>();

/** The ports with an inbound chain: each has a cluster of its own. */
export function inboundPorts({ resources: { cluster } }: View): ReadonlySet<string> {
  const known = portsKnown.get(cluster);
  if (known !== undefined) return known;
  const ports = new Set([...cluster.keys()].filter(isLocalName));
  portsKnown.set(cluster, ports);
  return ports;
}

export function losesPorts(before: View, after: View): boolean {
  return !sameInbound(before, after) && [...inboundPorts(before)].some((port) => !after.resources.cluster.has(port));
}

/**
 * A view but for the inbound listeners, and what only these refer to: they stay as they were. Policies that there still are come from the view.
 * Whoever acknowledges it has not all of the view's snapshot.
 */
export function keepInbound(before: View, view: View, generation: number): View {
  const { listener } = before.resources;
  const kept = inboundNames.flatMap((name) => listener.get(name) ?? []);
  const resources: Resources = {
    ...view.resources,
    listener: over(new Map(kept.map((one) => [one.name, one])), view.resources.listener),
    cluster: withMissing(before, view, { type: "cluster", fits: isLocalName }),
    extension: withMissing(before, view, { type: "extension", fits: () => true }),
    secret: withMissing(before, view, { type: "secret", fits: (name) => connectionPolicyPort(name) !== undefined }),
  };
  return { generation, snapshotVersion: before.snapshotVersion, resources };
}

function withMissing(
  before: View,
  view: View,
  { type, fits }: { readonly type: EnvoyType; readonly fits: (name: string) => boolean },
): ViewResources {
  const kept = [...before.resources[type]].filter(([name]) => fits(name) && !view.resources[type].has(name));
  return over(new Map(kept), view.resources[type]);
}
