import type { EnvoyType } from "../xds/resource.ts";
import { unansweredInTime } from "./answer.ts";
import { heldOf } from "./holdings.ts";
import { hasName } from "./name-set.ts";
import { entriesOf, includes, lookup, withEntries, withEntry, without, withoutAll } from "./persistent-map.ts";
import { type Item, type Message, type Need, removedVersion, type TypeState } from "./stream.ts";
import { ask, type Way, wayOf } from "./tasting.ts";
import { edit, mark, retiringKey, type Turn, timeOf } from "./turn.ts";
import type { ViewResource } from "./view.ts";
import { wantedItem } from "./wanted.ts";

/** Names that may go now: together, and one by one. */
interface Plan {
  readonly batch: Item[];
  readonly singles: Item[];
  /** Names whose items are to be judged first. */
  readonly unjudged: Item[];
  /** Names about which there is nothing to say. */
  readonly done: string[];
  /** Of these the names whose refused version is not wanted any more. */
  readonly forgiven: string[];
}

/** Sends of one type what may be sent. */
export function flush(turn: Turn, type: EnvoyType): void {
  const { asked, dirty, greet, heldBackSince } = turn.types[type];
  if (!asked || turn.view === undefined) return;
  if (dirty.size === 0 && !greet) {
    if (heldBackSince !== undefined) edit(turn, type).heldBackSince = undefined;
    return;
  }
  const state = edit(turn, type);
  const wasHeldBack = state.heldBackSince !== undefined;
  const heldBack = isHeldBack(turn, type);
  if (wasHeldBack && !heldBack) state.stalled = false;
  if (state.stalled) return;
  const plan = planMessages(turn, type, heldBack);
  state.dirty = withoutAll(state.dirty, plan.done);
  state.verdicts = withoutAll(state.verdicts, plan.done);
  state.refused = withoutAll(state.refused, plan.forgiven);
  ask(turn, type, plan.unjudged);
  if (turn.protocol === "sotw") sendOne(turn, type, plan);
  else sendAll(turn, type, plan);
  if (state.greet && !heldBack) send(turn, type, []);
  if (!heldBack) state.heldBackSince = undefined;
  state.stalled = state.dirty.size > 0;
}

/** Incremental: one batch at a time; single ones are pipelined, each with its own answer. Removals travel in the batch, ahead of the rest. */
function sendAll(turn: Turn, type: EnvoyType, plan: Plan): void {
  const state = edit(turn, type);
  if (plan.batch.length > 0 && state.batch === undefined) state.batch = send(turn, type, plan.batch);
  for (const item of plan.singles) send(turn, type, [item]);
}

/** State of the world: only the newest message of a type can be answered, so there is never more than one. */
function sendOne(turn: Turn, type: EnvoyType, plan: Plan): void {
  const state = turn.types[type];
  if (state.inFlight.size > 0) return;
  const items = plan.batch.length > 0 ? plan.batch : plan.singles.slice(0, 1);
  if (items.length > 0) send(turn, type, items);
}

function planMessages(turn: Turn, type: EnvoyType, heldBack: boolean): Plan {
  const state = turn.types[type];
  const plan: Plan = { batch: [], singles: [], unjudged: [], done: [], forgiven: [] };
  for (const [name, need] of entriesOf(state.dirty)) {
    const item = wantedItem(turn, type, name);
    if (!isDue(turn, type, { item, need })) {
      plan.done.push(name);
      if (state.refused.size > 0 && lookup(state.refused, name) !== item.version) plan.forgiven.push(name);
    } else if (heldBack && !(need === "asked" && !turn.view?.resources[type].has(name))) continue;
    else placeItem(plan, item, wayOf(turn, type, item));
  }
  return plan;
}

function placeItem(plan: Plan, item: Item, way: Way): void {
  if (way === "together") plan.batch.push(item);
  else if (way === "alone") plan.singles.push(item);
  else if (way === "ask") plan.unjudged.push(item);
}

/** Whether there is something to say about the name. */
function isDue(turn: Turn, type: EnvoyType, { item, need }: { readonly item: Item; readonly need: Need }): boolean {
  const state = turn.types[type];
  if (need !== "asked" && turn.retiring.size > 0 && includes(turn.retiring, retiringKey(type, item.name))) return false;
  if (lookup(state.refused, item.name) === item.version) return false;
  if (need !== "compare") return true;
  const onTheWay = versionOnTheWay(state, item.name);
  if (onTheWay !== undefined) return onTheWay !== item.version;
  if (includes(state.unsure, item.name)) return true;
  const held = heldOf(turn, type, item.name)?.version;
  if (held === undefined && item.resource === undefined) {
    // A refused version too may have left something behind at the proxy (envoy.md §6).
    return hasName(state.subscription.names, item.name) || includes(state.refused, item.name);
  }
  return held !== item.version;
}

/** The version in a late message; with one in time the name would not be looked at. */
function versionOnTheWay(state: TypeState, name: string): string | undefined {
  const nonce = lookup(state.sending, name);
  return nonce === undefined ? undefined : lookup(state.inFlight, nonce)?.items.get(name)?.version;
}

/**
 * Listeners and routes wait until the proxy has the clusters that they may name; not longer than the limit, since Envoy may withhold the answer.
 * Names that do not exist are answered all the same.
 */
function isHeldBack(turn: Turn, type: EnvoyType): boolean {
  if (type !== "listener" && type !== "route") return false;
  const clusters = turn.types.cluster;
  const unsaid = clusters.dirty.size + clusters.parked.size > 0;
  if (!clusters.asked || !(unsaid || isAdding(clusters))) return false;
  const state = edit(turn, type);
  const now = timeOf(turn);
  state.heldBackSince ??= now;
  return now < state.heldBackSince + turn.settings.answerLimitMs;
}

function isAdding(clusters: TypeState): boolean {
  for (const [, message] of unansweredInTime(clusters)) {
    for (const item of message.items.values()) if (item.resource !== undefined) return true;
  }
  return false;
}

function send(turn: Turn, type: EnvoyType, items: readonly Item[]): string {
  const state = edit(turn, type);
  turn.sent += 1;
  const nonce = nonceOf(turn);
  const names: string[] = [];
  const sending: [string, string][] = [];
  const byName = new Map<string, Item>();
  const resources: ViewResource[] = [];
  const removed: string[] = [];
  for (const item of items) {
    const { name, resource, version } = item;
    supersede(turn, type, name);
    names.push(name);
    sending.push([name, nonce]);
    byName.set(name, item);
    if (resource !== undefined) resources.push(resource);
    if (version === removedVersion) removed.push(name);
  }
  const message: Message = {
    items: byName,
    single: items.length === 1,
    number: turn.sent,
    sentAt: timeOf(turn),
    late: false,
  };
  state.inFlight = withEntry(state.inFlight, nonce, message);
  state.sending = withEntries(state.sending, sending);
  state.dirty = withoutAll(state.dirty, names);
  state.verdicts = withoutAll(state.verdicts, names);
  state.greet = false;
  turn.outputs.push({ kind: "send", type, nonce, resources, removed });
  // A changed cluster warms until its assignment comes again, and Envoy does not ask for it (envoy.md §5).
  if (type === "cluster") resendEndpoints(turn, items);
  return nonce;
}

/** The same for all streams, of whatever class, that have sent as much since the same change, so that they send the same bytes; never twice on one stream. */
function nonceOf({ series, sent }: Turn): string {
  return `${series.change}.${sent - series.after}`;
}

/** A late message has nothing more to say about a name that is sent again; so late messages never hold more names than there are. */
function supersede(turn: Turn, type: EnvoyType, name: string): void {
  if (turn.types[type].sending.size === 0) return;
  const state = edit(turn, type);
  const nonce = lookup(state.sending, name);
  const message = nonce === undefined ? undefined : lookup(state.inFlight, nonce);
  if (nonce === undefined || message === undefined) return;
  state.unsure = withEntry(state.unsure, name, true);
  const items = new Map(message.items);
  items.delete(name);
  state.inFlight =
    items.size === 0 ? without(state.inFlight, nonce) : withEntry(state.inFlight, nonce, { ...message, items });
}

/** Assignments are named after their clusters. */
function resendEndpoints(turn: Turn, clusters: readonly Item[]): void {
  const { subscription } = turn.types.endpoint;
  const names = clusters.filter((item) => item.resource && hasName(subscription.names, item.name));
  mark(
    turn,
    "endpoint",
    names.map((item) => item.name),
    "resend",
  );
}
