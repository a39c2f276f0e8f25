import { type EnvoyType, envoyTypes } from "../xds/resource.ts";
import { heldIn, hold } from "./holdings.ts";
import { namesIn, rebaseNames, shareNames } from "./name-set.ts";
import { includes, lookup, namesOf, toPersistentMap, withoutAll } from "./persistent-map.ts";
import { cancelRetirement, retire } from "./retirement.ts";
import { noteOwing } from "./revocation.ts";
import { type Held, nothing, type Retirement, type StreamRequest } from "./stream.ts";
import { changeSubscription, openSubscription, wants } from "./subscription.ts";
import { edit, mark, type Turn, timeOf } from "./turn.ts";
import type { View, ViewResource, ViewResources } from "./view.ts";

/** A newer view: marks what differs from the one before, which the view tells itself, or else is told apart by comparing all. */
export function compareViews(turn: Turn, view: View): void {
  const before = turn.view;
  turn.view = view;
  const { generation, change = generation } = view;
  if (change > turn.series.change) turn.series = { change, after: turn.sent };
  const changes = before && view.changesSince?.(before.generation);
  const vanished: Retirement["names"][number][] = [];
  for (const type of envoyTypes) {
    if (!turn.types[type].asked) continue;
    const previous = before?.resources[type];
    if (previous === undefined) vanished.push(...meetView(turn, type));
    else if (previous !== view.resources[type]) {
      const names = changes && (changes.find((change) => change.type === type)?.names ?? []);
      vanished.push(...followView(turn, type, { previous, names }));
    }
  }
  forgetSwitch(turn);
  retire(turn, vanished, before === undefined ? reconnectWait(turn) : 0);
}

/** Connections of listeners that were replaced so long ago are gone. */
function forgetSwitch(turn: Turn): void {
  const { listenersSwitchedAt, settings } = turn;
  if (listenersSwitchedAt === undefined || listenersSwitchedAt + settings.drainMs > timeOf(turn)) return;
  turn.listenersSwitchedAt = undefined;
}

/** The first request of a type on this stream: what the proxy wants, and what it already holds. */
export function openType(turn: Turn, request: StreamRequest): void {
  const { type } = request;
  const state = edit(turn, type);
  state.asked = true;
  state.subscription = openSubscription(type, request.subscribe);
  state.greet = state.subscription.wildcard;
  const brought = [...request.held].filter(([name]) => wants(state.subscription, name));
  state.exceptions = toPersistentMap(
    brought.map(([name, version]): [string, Held] => [name, { version, resource: undefined, sentAs: 0 }]),
  );
  noteOwing(
    turn,
    type,
    brought.map(([name]) => name),
  );
  // What it holds it may have got a moment ago from another stream, whose listeners then still drain.
  if (type === "listener" && brought.length > 0) turn.listenersSwitchedAt = timeOf(turn);
  const unheld = [...namesIn(state.subscription.names)].filter((name) => !includes(state.exceptions, name));
  mark(turn, type, unheld, "asked");
  if (turn.view) retire(turn, meetView(turn, type), reconnectWait(turn));
}

/** Later requests: what the proxy wants besides, and what no more. */
export function changeType(turn: Turn, request: StreamRequest): void {
  const { type, subscribe, unsubscribe } = request;
  const before = turn.types[type].subscription;
  const subscription = changeSubscription(before, { subscribe, unsubscribe });
  if (subscription === before) return;
  const state = edit(turn, type);
  state.subscription = subscription;
  const resources = turn.view?.resources[type];
  if (before.wildcard && !subscription.wildcard) {
    const known = [...(resources?.keys() ?? []), ...namesOf(state.exceptions), ...namesOf(state.dirty)];
    forget(
      turn,
      type,
      known.filter((name) => !wants(subscription, name)),
    );
  }
  leave(turn, type, unsubscribe);
  const isWildNow = !before.wildcard && subscription.wildcard;
  // What the proxy did not want before it does not hold, whatever the view has.
  const begun = isWildNow ? [...(resources?.keys() ?? [])] : subscribe;
  hold(
    turn,
    type,
    begun.filter((name) => !wants(before, name) && name !== "*").map((name) => [name, undefined]),
  );
  if (isWildNow && turn.view) {
    state.greet = true;
    mark(turn, type, begun, "compare");
  }
  // Every name in the list is answered, also one that was sent before: the proxy may have dropped it in between (discovery.proto).
  const asked = subscribe.filter((name) => name !== "*");
  state.refused = withoutAll(state.refused, asked);
  mark(turn, type, asked, "asked");
  if (resources !== undefined && hasDoubled(before.names.differs.size, subscription.names.differs.size))
    state.subscription = { ...subscription, names: shareNames(subscription.names, resources) };
}

/** So what takes time for all is done a few times only. */
function hasDoubled(before: number, after: number): boolean {
  return Math.clz32(after) < Math.clz32(before);
}

/**
 * A name that was wanted both by name and by wildcard has to be sent or removed once more: the proxy cannot know which of the two it is now
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#unsubscribing-from-resources).
 */
function leave(turn: Turn, type: EnvoyType, names: readonly string[]): void {
  const { subscription } = turn.types[type];
  forget(
    turn,
    type,
    names.filter((name) => !wants(subscription, name)),
  );
  const wild = names.filter((name) => name !== "*" && wants(subscription, name));
  mark(turn, type, wild, "resend");
}

function forget(turn: Turn, type: EnvoyType, names: readonly string[]): void {
  if (names.length === 0) return;
  const state = edit(turn, type);
  state.exceptions = withoutAll(state.exceptions, names);
  noteOwing(turn, type, names);
  state.dirty = withoutAll(state.dirty, names);
  state.parked = withoutAll(state.parked, names);
  state.verdicts = withoutAll(state.verdicts, names);
  state.alone = withoutAll(state.alone, names);
  state.unsure = withoutAll(state.unsure, names);
  state.refused = withoutAll(state.refused, names);
}

type Vanished = readonly Retirement["names"][number][];

/** The first view of a type that was asked for: all versions are compared. Marks the differences and returns the names whose removal has to wait. */
function meetView(turn: Turn, type: EnvoyType): Vanished {
  const resources = turn.view?.resources[type];
  if (resources === undefined) return [];
  const state = edit(turn, type);
  const { subscription, exceptions: brought } = state;
  const held: [string, Held | undefined][] = [];
  const changed: string[] = [];
  const vanished: string[] = [];
  const meet = (name: string, resource: ViewResource | undefined): void => {
    const exception = lookup(brought, name);
    const before = exception === nothing ? undefined : exception;
    held.push([name, before]);
    if (resource !== undefined) {
      if (before?.version !== resource.version || resource.guards !== undefined) changed.push(name);
    } else if (before !== undefined) vanished.push(name);
  };
  if (subscription.wildcard) for (const [name, resource] of resources) meet(name, resource);
  else for (const name of namesIn(subscription.names)) meet(name, resources.get(name));
  if (subscription.wildcard) for (const name of namesOf(brought)) if (!resources.has(name)) meet(name, undefined);
  hold(turn, type, held);
  state.subscription = { ...subscription, names: shareNames(subscription.names, resources) };
  mark(turn, type, changed, "compare");
  return markVanished(turn, type, vanished);
}

/** Marks the differences of one type and returns the names whose removal has to wait. `names`: all that may differ, if that is known. */
function followView(
  turn: Turn,
  type: EnvoyType,
  { previous, names }: { readonly previous: ViewResources; readonly names: readonly string[] | undefined },
): Vanished {
  const current = turn.view?.resources[type];
  if (current === undefined) return [];
  const { subscription } = turn.types[type];
  const differing = names ?? differences(previous, current);
  const held: [string, Held | undefined][] = [];
  const changed: string[] = [];
  const vanished: string[] = [];
  for (const name of differing) {
    const resource = current.get(name);
    const before = previous.get(name);
    if (isSame(before, resource) || !wants(subscription, name)) continue;
    held.push([name, heldIn(turn.types[type], previous, name)]);
    (resource === undefined ? vanished : changed).push(name);
  }
  if (subscription.names.base !== undefined)
    edit(turn, type).subscription = { ...subscription, names: rebaseNames(subscription.names, current, differing) };
  else if (names === undefined && subscription.names.size > 0)
    edit(turn, type).subscription = { ...subscription, names: shareNames(subscription.names, current) };
  hold(turn, type, held);
  cancelRetirement(turn, type, changed);
  mark(turn, type, changed, "compare");
  return markVanished(turn, type, vanished);
}

/** Names whose resources are not the same objects. */
function differences(previous: ViewResources, current: ViewResources): readonly string[] {
  const names: string[] = [];
  for (const [name, resource] of current) if (previous.get(name) !== resource) names.push(name);
  for (const name of previous.keys()) if (!current.has(name)) names.push(name);
  return names;
}

/** What a listener that asks policies is sent as depends on more than its version. */
function isSame(before: ViewResource | undefined, after: ViewResource | undefined): boolean {
  if (before === after) return true;
  return before?.version === after?.version && before?.guards === undefined && after?.guards === undefined;
}

function markVanished(turn: Turn, type: EnvoyType, vanished: readonly string[]): Vanished {
  if (vanished.length === 0) return [];
  const later = vanished.filter((name) => mayBeInUse(turn, type, name));
  mark(turn, type, later.length === 0 ? vanished : vanished.filter((name) => !mayBeInUse(turn, type, name)), "compare");
  return later.map((name) => ({ type, name }));
}

/**
 * Whether connections that drain may still need what the view dropped: clusters and routes, and the endpoints of a cluster that goes too.
 * Of a cluster that stays, endpoints are withdrawn at once, like secrets and policies.
 */
function mayBeInUse(turn: Turn, type: EnvoyType, name: string): boolean {
  if (type === "cluster" || type === "route") return true;
  return type === "endpoint" && turn.types.cluster.asked && turn.view?.resources.cluster.has(name) === false;
}

/** What a proxy brought from another stream: listeners and routes that hold on to it may only be told in later requests. */
function reconnectWait(turn: Turn): number {
  return turn.settings.drainMs;
}
