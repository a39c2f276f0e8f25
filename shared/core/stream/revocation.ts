import type { EnvoyType } from "../xds/resource.ts";
import { heldOf } from "./holdings.ts";
import { entriesOf, includes, lookup, withEntry, without } from "./persistent-map.ts";
import { type Held, type Item, nothing, removedVersion } from "./stream.ts";
import { wants } from "./subscription.ts";
import { mark, type Turn } from "./turn.ts";
import type { Guards, PolicyType, View, ViewResource, ViewResources } from "./view.ts";

/**
 * A policy of connections that lets in fewer than the one before says nothing to the connections that are open. They end when their chain is
 * renamed (envoy.md §16 C), so a revocation takes four messages: the policy, the listener with that chain renamed, the policy again, the
 * listener as it was. What is still to be done is read off what the proxy holds: the policy goes under a marked version first, and under its own
 * when the renamed chain is acknowledged. So it survives a broken stream (docs/adr/0009-tcp-revocation.md).
 */

/** Ends the version of a policy whose chain is still to be renamed. In no hash. */
const owingMark = "~";

const none: ReadonlySet<string> = new Set();

/** The policy, under a marked version while connections that it does not allow may be open. */
export function policyItem(turn: Turn, type: PolicyType, policy: ViewResource): Item {
  const { name, version } = policy;
  if (!isNarrower(turn, type, policy) || chainsAreNew(turn, name)) return { name, version, resource: policy };
  const marked = version + owingMark;
  return {
    name,
    version: marked,
    resource: { ...policy, version: marked },
    standIn: { of: version, renamed: none },
  };
}

/** The listener, with those chains renamed whose policies the proxy holds under a marked version. */
export function listenerItem(turn: Turn, listener: ViewResource, guards: Guards): Item {
  const { name } = listener;
  const policies = guards.policies.map((policy) => policy.name).filter((policy) => includes(turn.owing, policy));
  if (policies.length === 0) return { name, version: listener.version, resource: listener };
  const { version, body } = guards.renamed(policies);
  const renamed = new Set(policies);
  return { name, version, resource: { ...listener, version, body }, standIn: { of: listener.version, renamed } };
}

/** Keeps account of the policies among these that the proxy holds under a marked version. To be called whenever that changes. */
export function noteOwing(turn: Turn, type: EnvoyType, names: readonly string[]): void {
  if (type !== "extension" && type !== "secret") return;
  for (const name of names) {
    const held = lookup(turn.types[type].exceptions, name);
    const isMarked = held !== undefined && held !== nothing && held.version.endsWith(owingMark);
    if (isMarked) turn.owing = withEntry(turn.owing, name, type);
    else turn.owing = without(turn.owing, name);
  }
}

/** Takes the next step with every policy that the proxy holds, or held a moment ago, under a marked version, and with the listeners that ask it. */
export function advanceRevocations(turn: Turn, before: Turn["owing"]): void {
  if (before.size + turn.owing.size === 0) return;
  for (const [name, type] of [...entriesOf(before), ...entriesOf(turn.owing)]) {
    if (wants(turn.types[type].subscription, name)) mark(turn, type, [name], "compare");
    const listeners = guardedListeners(turn.view).filter((listener) => asks(listener, name));
    const wanted = listeners.filter((listener) => wants(turn.types.listener.subscription, listener.name));
    mark(
      turn,
      "listener",
      wanted.map((listener) => listener.name),
      "compare",
    );
  }
}

/** Whether the proxy may have let somebody in that this policy would not. */
function isNarrower(turn: Turn, type: PolicyType, policy: ViewResource): boolean {
  const { name, version } = policy;
  const state = turn.types[type];
  if (includes(state.unsure, name) || includes(turn.owing, name)) return true;
  const held = heldOf(turn, type, name);
  const nonce = lookup(state.sending, name);
  const unanswered = nonce === undefined ? undefined : lookup(state.inFlight, nonce)?.items.get(name);
  if (held === undefined && unanswered === undefined) return policy.peers !== "any" && hasForgotten(turn, name);
  return [held, unanswered].some(
    (before) => before !== undefined && before.version !== version && !letsInNoMore(before.resource, policy),
  );
}

/** A proxy that holds no such policy may have had one on another stream, if it brought a listener that asks it. */
function hasForgotten(turn: Turn, policy: string): boolean {
  if (!turn.types.listener.asked) return true;
  return listenersAsking(turn, policy).some((name) => isBrought(heldOf(turn, "listener", name)));
}

/** Whether no more than the version is known of it. */
function isBrought(held: Held | undefined): boolean {
  return held !== undefined && held.resource === undefined && held.version !== removedVersion;
}

/**
 * Nothing is known of what the proxy brought from another stream. What stands for an absent policy lets in nobody, and was perhaps told in place
 * of one that did.
 */
function letsInNoMore(before: ViewResource | undefined, after: ViewResource): boolean {
  if (after.peers === "any" || after.peers === undefined) return true;
  if (before?.peers === undefined || before.peers === "any") return false;
  for (const peer of before.peers) if (!after.peers.has(peer)) return false;
  return true;
}

/** Whether every connection to the policy's chains was opened on a chain that is about to change, or there is no such chain. */
function chainsAreNew(turn: Turn, policy: string): boolean {
  return turn.types.listener.asked && listenersAsking(turn, policy).every((name) => isRenamed(turn, name, policy));
}

function isRenamed(turn: Turn, name: string, policy: string): boolean {
  const state = turn.types.listener;
  if (includes(state.sending, name) || includes(state.unsure, name)) return false;
  const held = heldOf(turn, "listener", name);
  if (held === undefined || held.version === removedVersion) return true;
  if (held.resource !== undefined) return !asks(held.resource, policy) || held.standIn?.renamed.has(policy) === true;
  const listener = turn.view?.resources.listener.get(name);
  if (listener?.guards === undefined) return false;
  const wanted = listenerItem(turn, listener, listener.guards);
  return wanted.version === held.version && wanted.standIn?.renamed.has(policy) === true;
}

/** By name: wanted, held, or on the way. One that the proxy brought from another stream may ask any policy, unless it is the one that is wanted. */
function listenersAsking(turn: Turn, policy: string): readonly string[] {
  const { exceptions, inFlight } = turn.types.listener;
  const wanted = turn.view?.resources.listener;
  const names: string[] = [];
  for (const listener of guardedListeners(turn.view)) if (asks(listener, policy)) names.push(listener.name);
  for (const [name, held] of entriesOf(exceptions)) {
    if (held === nothing) continue;
    const { version, resource } = held;
    const known = resource ?? (wanted?.get(name)?.version === version ? wanted.get(name) : undefined);
    if (known === undefined || asks(known, policy)) names.push(name);
  }
  for (const [, { items }] of entriesOf(inFlight)) {
    for (const [name, { resource }] of items) if (resource !== undefined && asks(resource, policy)) names.push(name);
  }
  return names;
}

/** By the listeners of a view, which streams share: a few among thousands. */
const guarded = new WeakMap<ViewResources, readonly ViewResource[]>();

function guardedListeners(view: View | undefined): readonly ViewResource[] {
  if (view === undefined) return [];
  const { listener } = view.resources;
  const known = guarded.get(listener);
  if (known !== undefined) return known;
  const found = [...listener.values()].filter(({ guards }) => guards !== undefined);
  guarded.set(listener, found);
  return found;
}

function asks({ guards }: ViewResource, policy: string): boolean {
  return guards?.policies.some(({ name }) => name === policy) === true;
}
