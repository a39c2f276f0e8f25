import { type EnvoyType, envoyTypes } from "../xds/resource.ts";
import { includes, lookup, withEntries, without } from "./persistent-map.ts";
import { type Message, type Need, type Stream, type StreamOutput, type TypeState } from "./stream.ts";

type Draft<T> = { -readonly [Key in keyof T]: T[Key] };

/** The copy of a stream that one step works on, and what comes out of it. Lives no longer than the step. */
export interface Turn extends Draft<Omit<Stream, "types">> {
  readonly types: Readonly<Record<EnvoyType, Draft<TypeState>>>;
  readonly now: number;
  readonly outputs: StreamOutput[];
}

export function beginTurn(stream: Stream, now: number): Turn {
  const types = Object.fromEntries(envoyTypes.map((type) => [type, { ...stream.types[type] }]));
  return { ...stream, types: types as Record<EnvoyType, Draft<TypeState>>, now, outputs: [] };
}

export function endTurn(turn: Turn): Stream {
  const { now: _now, outputs: _outputs, ...stream } = turn;
  return stream;
}

const needRank: Readonly<Record<Need, number>> = { compare: 0, resend: 1, asked: 2 };

/** Notes that names have to be looked at: now, or after the answer to the message they are in, so that only the newest is remembered. */
export function mark(turn: Turn, type: EnvoyType, names: readonly string[], need: Need): void {
  const state = turn.types[type];
  const dirty: [string, Need][] = [];
  const parked: [string, Need][] = [];
  for (const name of names) {
    const waits = isAwaited(state, name);
    const before = lookup(waits ? state.parked : state.dirty, name);
    if (before !== undefined && needRank[before] >= needRank[need]) continue;
    (waits ? parked : dirty).push([name, need]);
  }
  state.parked = withEntries(state.parked, parked);
  if (dirty.length === 0) return;
  state.dirty = withEntries(state.dirty, dirty);
  state.stalled = false;
}

/** Takes up the names that waited for a message which is now answered, or too late to be waited for. */
export function unpark(turn: Turn, type: EnvoyType, message: Message): void {
  const state = turn.types[type];
  for (const name of message.items.keys()) {
    const need = lookup(state.parked, name);
    if (need === undefined || isAwaited(state, name)) continue;
    state.parked = without(state.parked, name);
    mark(turn, type, [name], need);
  }
}

/** Whether the name is in a message whose answer is still worth waiting for. */
function isAwaited(state: TypeState, name: string): boolean {
  const nonce = lookup(state.sending, name);
  return nonce !== undefined && lookup(state.inFlight, nonce)?.late === false;
}

/** Whether something of the name is still to be sent or answered. */
export function isUnderway(state: TypeState, name: string): boolean {
  return includes(state.dirty, name) || includes(state.parked, name) || includes(state.sending, name);
}

export function retiringKey(type: EnvoyType, name: string): string {
  return `${type}|${name}`;
}
