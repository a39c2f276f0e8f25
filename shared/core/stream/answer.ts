import type { EnvoyType } from "../xds/resource.ts";
import { heldOf, hold } from "./holdings.ts";
import { hasName } from "./name-set.ts";
import { entriesOf, includes, lookup, withEntries, withEntry, without, withoutAll } from "./persistent-map.ts";
import { noteOwing } from "./revocation.ts";
import { type Held, type Item, type Message, type NamedVersion, removedVersion, type TypeState } from "./stream.ts";
import { wants } from "./subscription.ts";
import { ownVersion } from "./tasting.ts";
import { edit, mark, type Turn, timeOf, unpark } from "./turn.ts";

/** The proxy took or refused a message. A nonce that is not (or no longer) awaited is ignored. */
export function answerMessage(
  turn: Turn,
  type: EnvoyType,
  answer: { readonly nonce: string; readonly error: string | undefined },
): void {
  const message = lookup(turn.types[type].inFlight, answer.nonce);
  if (message === undefined) return;
  const state = edit(turn, type);
  state.inFlight = without(state.inFlight, answer.nonce);
  if (state.batch === answer.nonce) state.batch = undefined;
  state.stalled = false;
  const items = [...message.items.values()];
  const names = items.map((item) => item.name);
  state.sending = withoutAll(
    state.sending,
    names.filter((name) => lookup(state.sending, name) === answer.nonce),
  );
  lookAgain(turn, type, items);
  if (answer.error === undefined) accept(turn, type, { items, sentAs: message.number });
  else refuse(turn, type, { items, single: message.single, message: answer.error });
  unpark(turn, type, message);
}

/**
 * A refused version that is wanted again while another one was unanswered was not sent: the proxy had refused it last. With the answer to the
 * other one that is no longer so.
 */
function lookAgain(turn: Turn, type: EnvoyType, answered: readonly Item[]): void {
  const { refused } = turn.types[type];
  if (refused.size === 0) return;
  const others = answered.filter(({ name, version }) => includes(refused, name) && lookup(refused, name) !== version);
  mark(
    turn,
    type,
    others.map(({ name }) => name),
    "compare",
  );
}

/** After the limit a message blocks nobody any more (design.md §5: no wait is without a limit). */
export function giveUpWaiting(turn: Turn, type: EnvoyType): void {
  if (turn.types[type].inFlight.size === 0) return;
  for (const [nonce, message] of unansweredInTime(turn.types[type])) {
    if (message.sentAt + turn.settings.answerLimitMs > timeOf(turn)) return;
    const state = edit(turn, type);
    const late: Message = { ...message, late: true };
    state.inFlight = withEntry(state.inFlight, nonce, late);
    if (state.batch === nonce) state.batch = undefined;
    state.stalled = false;
    unpark(turn, type, late);
  }
}

/** Messages that others wait for, oldest first. */
export function* unansweredInTime(state: TypeState): Generator<readonly [nonce: string, Message]> {
  for (const entry of entriesOf(state.inFlight)) {
    if (!entry[1].late) yield entry;
  }
}

function accept(
  turn: Turn,
  type: EnvoyType,
  answered: { readonly items: readonly Item[]; readonly sentAs: number },
): void {
  const state = edit(turn, type);
  const held: [string, Held | undefined][] = [];
  let switched = false;
  // Only removals that wait by now ever ask.
  const sentAs = turn.retirements.length > 0 ? answered.sentAs : 0;
  for (const item of answered.items) {
    const before = type === "listener" ? heldOf(turn, type, item.name) : undefined;
    const changed = before !== undefined && before.version !== removedVersion && before.version !== item.version;
    switched ||= changed || includes(state.unsure, item.name);
    const isHeld = item.resource ? wants(state.subscription, item.name) : hasName(state.subscription.names, item.name);
    held.push([item.name, isHeld ? heldAs(item, sentAs) : undefined]);
  }
  const names = answered.items.map((item) => item.name);
  hold(turn, type, held);
  noteOwing(turn, type, names);
  state.alone = withoutAll(state.alone, names);
  state.unsure = withoutAll(state.unsure, names);
  state.refused = withoutAll(state.refused, names);
  if (type === "listener" && switched) turn.listenersSwitchedAt = timeOf(turn);
  if (names.length > 0) turn.outputs.push({ kind: "acknowledged", type, names: answered.items.map(named) });
}

/**
 * A message of one resource names the bad one. Of a batch, Envoy applied an unpredictable part (envoy.md §6), so all of it goes
 * again, one by one.
 */
function refuse(
  turn: Turn,
  type: EnvoyType,
  answered: { readonly items: readonly Item[]; readonly single: boolean; readonly message: string },
): void {
  const state = edit(turn, type);
  const { items, single, message } = answered;
  state.loading = false;
  const [only] = items;
  if (only === undefined) return;
  if (single) {
    if (wants(state.subscription, only.name)) state.refused = withEntry(state.refused, only.name, only.version);
  } else {
    const names = items.map((item) => item.name).filter((name) => wants(state.subscription, name));
    const flags = names.map((name): [string, true] => [name, true]);
    state.alone = withEntries(state.alone, flags);
    state.unsure = withEntries(state.unsure, flags);
    mark(turn, type, names, "resend");
  }
  turn.outputs.push({ kind: "refused", type, names: items.map(named), message });
}

function heldAs({ version, resource, standIn }: Item, sentAs: number): Held {
  return { version, resource, sentAs, ...(standIn && { standIn }) };
}

function named(item: Item): NamedVersion {
  return { name: item.name, version: ownVersion(item) };
}
