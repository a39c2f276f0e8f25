import type { ContentHash } from "../../shared/core/brand.ts";
import { isAfter, type Position } from "../../shared/core/events/cluster-event.ts";

/** `autonomous`: an own change did not come back from the cloud in time, so the gateway compiles its own state (design.md §5, Guards). */
export type Mode = "following" | "autonomous";

/** What decides the mode, as the publisher sees it. All times are of one monotonic clock, in milliseconds. */
export interface ModeState {
  readonly mode: Mode;
  /** While autonomous, and afterwards: a snapshot from the cloud is taken only when its head has applied this. */
  readonly floor: Position | undefined;
  /** The gateway's own state. */
  readonly own: ContentHash;
  /** A change of its own that the head is not known to hold; `position`: where it was sent. */
  readonly waiting: { readonly since: number; readonly position: Position | undefined } | undefined;
  /** Everything up to this state was sent, up to this position. */
  readonly sent: { readonly root: ContentHash; readonly position: Position } | undefined;
  /** As the head was last read. */
  readonly head: { readonly state: ContentHash; readonly applied: Position } | undefined;
  /** Since when nothing waited for longer than it may. */
  readonly wellSince: number | undefined;
}

export type ModeInput =
  /** The gateway's own state is this from now on. */
  | { readonly kind: "changed"; readonly root: ContentHash }
  /** All of this state is about to be sent, the last of it as this position. */
  | { readonly kind: "publishing"; readonly root: ContentHash; readonly position: Position }
  | { readonly kind: "read"; readonly state: ContentHash; readonly applied: Position }
  | { readonly kind: "time" };

/** Milliseconds. */
export interface ModeSettings {
  /** How long a change may wait before the gateway compiles itself. */
  readonly patience: number;
  /** How long everything must have come back in time before it stops. */
  readonly recovery: number;
}

/** Where a publisher begins; a mode that the one before it declared goes on. */
export function beginMode(
  own: ContentHash,
  now: number,
  before: { readonly mode: Mode; readonly floor: Position | undefined } = { mode: "following", floor: undefined },
): ModeState {
  const waiting = { since: now, position: undefined };
  return { ...before, own, waiting, sent: undefined, head: undefined, wellSince: undefined };
}

/** Pure: the same inputs at the same times give the same modes. */
export function stepMode(
  before: ModeState,
  input: ModeInput,
  { now, settings }: { readonly now: number; readonly settings: ModeSettings },
): ModeState {
  const state = take(before, input, now);
  const late = state.waiting !== undefined && now - state.waiting.since >= settings.patience;
  if (state.mode === "following") {
    return late ? { ...state, mode: "autonomous", floor: coverOf(state), wellSince: undefined } : state;
  }
  const wellSince = late ? undefined : (state.wellSince ?? now);
  const left = wellSince !== undefined && state.waiting === undefined && now - wellSince >= settings.recovery;
  return { ...state, mode: left ? "following" : "autonomous", floor: coverOf(state), wellSince };
}

/** When `time` alone can change the mode; infinity when it cannot. */
export function nextModeTime({ mode, waiting, wellSince }: ModeState, { patience, recovery }: ModeSettings): number {
  const late = waiting === undefined ? Number.POSITIVE_INFINITY : waiting.since + patience;
  if (mode === "following") return late;
  if (wellSince === undefined) return Number.POSITIVE_INFINITY;
  return waiting === undefined ? wellSince + recovery : late;
}

function take(state: ModeState, input: ModeInput, now: number): ModeState {
  switch (input.kind) {
    case "time":
      return state;
    case "changed": {
      const { root: own } = input;
      if (own === state.own) return state;
      const waiting = own === state.head?.state ? undefined : (state.waiting ?? { since: now, position: undefined });
      return { ...state, own, waiting };
    }
    case "publishing": {
      const { root, position } = input;
      const { waiting } = state;
      const covered = waiting !== undefined && waiting.position === undefined && root === state.own;
      return { ...state, sent: { root, position }, ...(covered && { waiting: { ...waiting, position } }) };
    }
    case "read": {
      const head = { state: input.state, applied: input.applied };
      return { ...state, head, waiting: waitingAfter({ ...state, head }, input.applied, now) };
    }
  }
}

/** The state's hash says it at once; behind changes that keep coming, positions say that older ones arrived. */
function waitingAfter({ own, head, waiting, sent }: ModeState, applied: Position, now: number): ModeState["waiting"] {
  if (head?.state === own) return undefined;
  const arrived = waiting?.position !== undefined && !isAfter(waiting.position, applied);
  if (waiting !== undefined && !arrived) return waiting;
  return { since: now, position: sent?.root === own ? sent.position : undefined };
}

/** A head that has applied this holds all that this gateway knows. What was not sent yet comes with a list in a later epoch at the latest. */
function coverOf({ waiting, head, sent, own, floor }: ModeState): Position {
  if (waiting === undefined && head !== undefined) return head.applied;
  if (sent?.root === own) return sent.position;
  const epoch = Math.max(head?.applied.epoch ?? 0, sent?.position.epoch ?? 0);
  const next = { epoch: epoch + 1, seq: 0 };
  return floor !== undefined && isAfter(floor, next) ? floor : next;
}
