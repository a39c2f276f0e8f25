import { type EnvoyType, envoyTypes } from "../xds/resource.ts";
import { includes, namesOf, toPersistentMap, withoutAll } from "./persistent-map.ts";
import { cancelRetirement, retire } from "./retirement.ts";
import { noteOwing } from "./revocation.ts";
import type { Held, Retirement, StreamRequest } from "./stream.ts";
import { changeSubscription, openSubscription, wants } from "./subscription.ts";
import { mark, type Turn } from "./turn.ts";
import type { View, ViewResource, ViewResources } from "./view.ts";

/** A newer view: marks what differs from the one before. Views share what did not change, so most is told apart by identity. */
export function compareViews(turn: Turn, view: View): void {
  const before = turn.view;
  turn.view = view;
  const vanished: Retirement["names"][number][] = [];
  for (const type of envoyTypes) {
    if (!turn.types[type].asked || before?.resources[type] === view.resources[type]) continue;
    const previous = before?.resources[type] ?? heldNames(turn, type);
    vanished.push(...compareType(turn, type, previous));
  }
  retire(turn, vanished, before === undefined ? turn.now + reconnectWait(turn) : turn.now);
}

/** The first request of a type on this stream: what the proxy wants, and what it already holds. */
export function openType(turn: Turn, request: StreamRequest): void {
  const { type } = request;
  const state = turn.types[type];
  state.asked = true;
  state.subscription = openSubscription(type, request.subscribe);
  state.greet = state.subscription.wildcard;
  state.held = toPersistentMap(
    request.held
      .filter(([name]) => wants(state.subscription, name))
      .map(([name, version]): [string, Held] => [name, { version, resource: undefined, sentAs: 0 }]),
  );
  noteOwing(turn, type, [...namesOf(state.held)]);
  // What it holds it may have got a moment ago from another stream, whose listeners then still drain.
  if (type === "listener" && state.held.size > 0) turn.listenersSwitchedAt = turn.now;
  const unheld = [...namesOf(state.subscription.names)].filter((name) => !includes(state.held, name));
  mark(turn, type, unheld, "asked");
  if (turn.view) retire(turn, compareType(turn, type, heldNames(turn, type)), turn.now + reconnectWait(turn));
}

/** Later requests: what the proxy wants besides, and what no more. */
export function changeType(turn: Turn, request: StreamRequest): void {
  const { type, subscribe, unsubscribe } = request;
  const state = turn.types[type];
  const before = state.subscription;
  state.subscription = changeSubscription(before, { subscribe, unsubscribe });
  if (state.subscription === before) return;
  if (before.wildcard && !state.subscription.wildcard) {
    forget(
      turn,
      type,
      [...namesOf(state.held)].filter((name) => !wants(state.subscription, name)),
    );
  }
  leave(turn, type, unsubscribe);
  if (!before.wildcard && state.subscription.wildcard && turn.view) {
    state.greet = true;
    mark(turn, type, [...turn.view.resources[type].keys()], "compare");
  }
  // Every name in the list is answered, also one that was sent before: the proxy may have dropped it in between (discovery.proto).
  const asked = subscribe.filter((name) => name !== "*");
  state.refused = withoutAll(state.refused, asked);
  mark(turn, type, asked, "asked");
}

/**
 * A name that was wanted both by name and by wildcard has to be sent or removed once more: the proxy cannot know which of the two it is now
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#unsubscribing-from-resources).
 */
function leave(turn: Turn, type: EnvoyType, names: readonly string[]): void {
  const state = turn.types[type];
  forget(
    turn,
    type,
    names.filter((name) => !wants(state.subscription, name)),
  );
  const wild = names.filter((name) => name !== "*" && wants(state.subscription, name));
  mark(turn, type, wild, "resend");
}

function forget(turn: Turn, type: EnvoyType, names: readonly string[]): void {
  if (names.length === 0) return;
  const state = turn.types[type];
  state.held = withoutAll(state.held, names);
  noteOwing(turn, type, names);
  state.dirty = withoutAll(state.dirty, names);
  state.parked = withoutAll(state.parked, names);
  state.alone = withoutAll(state.alone, names);
  state.unsure = withoutAll(state.unsure, names);
  state.refused = withoutAll(state.refused, names);
}

/** Marks the differences of one type and returns the names whose removal has to wait. */
function compareType(turn: Turn, type: EnvoyType, previous: ViewResources | ReadonlyMap<string, undefined>) {
  const { subscription } = turn.types[type];
  const current = turn.view?.resources[type] ?? new Map<string, ViewResource>();
  const changed: string[] = [];
  for (const [name, resource] of current) {
    if (previous.get(name) !== resource && wants(subscription, name)) changed.push(name);
  }
  const vanished = [...previous.keys()].filter((name) => !current.has(name) && wants(subscription, name));
  const later = vanished.filter((name) => mayBeInUse(turn, type, name));
  cancelRetirement(turn, type, changed);
  mark(turn, type, changed, "compare");
  mark(
    turn,
    type,
    vanished.filter((name) => !mayBeInUse(turn, type, name)),
    "compare",
  );
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

/** Stands for the view that the proxy had when it came: names without resources, so that all versions are compared. */
function heldNames(turn: Turn, type: EnvoyType): ReadonlyMap<string, undefined> {
  return new Map([...namesOf(turn.types[type].held)].map((name) => [name, undefined]));
}
