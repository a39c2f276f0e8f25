import { type EnvoyType } from "../xds/resource.ts";
import { includes, lookup, withEntries, without } from "./persistent-map.ts";
import { type Message, type Need, type Stream, type StreamOutput, type TypeState } from "./stream.ts";

type Draft<T> = { -readonly [Key in keyof T]: T[Key] };

/** The copy of a stream that one step works on, and what comes out of it. Lives no longer than the step. */
export interface Turn extends Draft<Omit<Stream, "types">> {
  /** As the step found them; what is another object in `types` is this step's own copy. */
  readonly before: Stream["types"];
  types: Record<EnvoyType, TypeState>;
  /** To be read by `timeOf`. */
  readonly givenTime: number;
  /** Whether anybody asked for the time. */
  timed: boolean;
  readonly outputs: StreamOutput[];
}

export function beginTurn(stream: Stream, now: number): Turn {
  return { ...stream, before: stream.types, givenTime: now, timed: false, outputs: [] };
}

/** A step that never asks comes to the same at any time, so it is taken once for many streams (step-memo.ts): to be asked only where it is needed. */
export function timeOf(turn: Turn): number {
  turn.timed = true;
  return turn.givenTime;
}

export function endTurn(turn: Turn): Stream {
  return {
    protocol: turn.protocol,
    settings: turn.settings,
    absent: turn.absent,
    view: turn.view,
    sent: turn.sent,
    series: turn.series,
    types: turn.types,
    retirements: turn.retirements,
    retiring: turn.retiring,
    owing: turn.owing,
    listenersSwitchedAt: turn.listenersSwitchedAt,
    settled: turn.settled,
    wakeAt: turn.wakeAt,
  };
}

/** A type's state, to be changed: copied when it is first asked for in a step. Whoever only reads takes it from `types`. */
export function edit(turn: Turn, type: EnvoyType): Draft<TypeState> {
  const known = turn.types[type];
  if (known !== turn.before[type]) return known;
  const draft: Draft<TypeState> = { ...known };
  if (turn.types === turn.before) turn.types = { ...turn.before };
  turn.types[type] = draft;
  return draft;
}

const needRank: Readonly<Record<Need, number>> = { compare: 0, resend: 1, asked: 2 };

/** Notes that names have to be looked at: now, or after the answer to the message they are in, so that only the newest is remembered. */
export function mark(turn: Turn, type: EnvoyType, names: readonly string[], need: Need): void {
  if (names.length === 0) return;
  const { sending, inFlight, parked: waiting, dirty: open } = turn.types[type];
  const dirty: [string, Need][] = [];
  const parked: [string, Need][] = [];
  let isOpen = false;
  for (const name of names) {
    const waits = isAwaited({ sending, inFlight }, name);
    if (!waits) isOpen = true;
    const before = lookup(waits ? waiting : open, name);
    if (before !== undefined && needRank[before] >= needRank[need]) continue;
    (waits ? parked : dirty).push([name, need]);
  }
  if (parked.length > 0) edit(turn, type).parked = withEntries(waiting, parked);
  if (!isOpen) return;
  const state = edit(turn, type);
  state.dirty = withEntries(open, dirty);
  state.stalled = false;
}

/** Takes up the names that waited for a message which is now answered, or too late to be waited for. */
export function unpark(turn: Turn, type: EnvoyType, message: Message): void {
  if (turn.types[type].parked.size === 0) return;
  const state = edit(turn, type);
  for (const name of message.items.keys()) {
    const need = lookup(state.parked, name);
    if (need === undefined || isAwaited(state, name)) continue;
    state.parked = without(state.parked, name);
    mark(turn, type, [name], need);
  }
}

/** Whether the name is in a message whose answer is still worth waiting for. */
function isAwaited({ sending, inFlight }: Pick<TypeState, "sending" | "inFlight">, name: string): boolean {
  if (sending.size === 0) return false;
  const nonce = lookup(sending, name);
  return nonce !== undefined && lookup(inFlight, nonce)?.late === false;
}

/** Whether something of the name is still to be sent or answered. */
export function isUnderway(state: TypeState, name: string): boolean {
  return includes(state.dirty, name) || includes(state.parked, name) || includes(state.sending, name);
}

export function retiringKey(type: EnvoyType, name: string): string {
  return `${type}|${name}`;
}
