import { type EnvoyType, envoyTypes } from "../xds/resource.ts";
import { answerMessage, giveUpWaiting, unansweredInTime } from "./answer.ts";
import { changeType, compareViews, openType } from "./compare.ts";
import { flush } from "./flush.ts";
import { advanceRetirements } from "./retirement.ts";
import { advanceRevocations } from "./revocation.ts";
import type { Stream, StreamInput, StreamOutput, StreamRequest, TypeState } from "./stream.ts";
import { takeVerdicts } from "./tasting.ts";
import { beginTurn, edit, endTurn, type Turn } from "./turn.ts";

export interface Stepped {
  readonly stream: Stream;
  readonly outputs: readonly StreamOutput[];
  /** Whether it would have come to something else at another time. */
  readonly timed: boolean;
  /** Nothing is under way. */
  readonly quiet: boolean;
}

/**
 * One xDS stream as a pure state machine (design.md §5, Streams). Requests, newer views, verdicts and the time go in; messages to write,
 * questions, and what the proxy has acknowledged or refused come out. The stream that comes back says in `wakeAt` when it wants to be told the time.
 */
export function step(stream: Stream, input: StreamInput): Stepped {
  const turn = beginTurn(stream, input.now);
  switch (input.kind) {
    case "request":
      takeRequest(turn, input.request);
      break;
    case "view":
      if (turn.view?.generation !== input.view.generation) compareViews(turn, input.view);
      break;
    case "verdicts":
      takeVerdicts(turn, input.type, input.verdicts);
      break;
    case "time":
      if (turn.protocol === "delta") for (const type of envoyTypes) giveUpWaiting(turn, type);
      break;
  }
  advanceRevocations(turn, stream.owing);
  flushAll(turn);
  if (advanceRetirements(turn)) flushAll(turn);
  for (const type of envoyTypes) endLoading(turn, type);
  reportSettled(turn);
  turn.wakeAt = nextWake(turn);
  const quiet = turn.retirements.length === 0 && envoyTypes.every((type) => isQuiet(turn.types[type]));
  if (quiet) countAnew(turn);
  return { stream: endTurn(turn), outputs: turn.outputs, timed: turn.timed, quiet };
}

function takeRequest(turn: Turn, request: StreamRequest): void {
  const { type, nonce, error } = request;
  if (nonce !== "") answerMessage(turn, type, { nonce, error });
  if (turn.types[type].asked) changeType(turn, request);
  else openType(turn, request);
  if (request.listing !== turn.types[type].listing) edit(turn, type).listing = request.listing;
}

/** In push order: what is referred to before what refers to it. */
function flushAll(turn: Turn): void {
  for (const type of envoyTypes) flush(turn, type);
}

function endLoading(turn: Turn, type: EnvoyType): void {
  const state = turn.types[type];
  if (state.loading && state.asked && turn.view && isQuiet(state)) edit(turn, type).loading = false;
}

/** So that streams that have said more and such that have said less come into the same position. Nonces go on. */
function countAnew(turn: Turn): void {
  const { change, after } = turn.series;
  if (after === 0) return;
  turn.sent -= after;
  turn.series = { change, after: 0 };
}

function isQuiet({ greet, dirty, parked, inFlight }: TypeState): boolean {
  return !greet && dirty.size === 0 && parked.size === 0 && inFlight.size === 0;
}

/** A proxy that has not asked for clusters and listeners has hardly begun. */
function reportSettled(turn: Turn): void {
  const { view, types } = turn;
  if (view === undefined || !isSettled(types)) {
    turn.settled = undefined;
    return;
  }
  if (turn.settled === view.generation) return;
  turn.settled = view.generation;
  turn.outputs.push({ kind: "settled", generation: view.generation, snapshotVersion: view.snapshotVersion });
}

function isSettled(types: Stream["types"]): boolean {
  if (!types.cluster.asked || !types.listener.asked) return false;
  for (const type of envoyTypes) if (!isQuiet(types[type]) || types[type].refused.size > 0) return false;
  return true;
}

function nextWake(turn: Turn): number | undefined {
  let next = Number.POSITIVE_INFINITY;
  for (const type of envoyTypes) {
    const { heldBackSince, inFlight } = turn.types[type];
    if (heldBackSince !== undefined) next = Math.min(next, heldBackSince + turn.settings.answerLimitMs);
    if (inFlight.size === 0 || turn.protocol === "sotw") continue;
    for (const [, message] of unansweredInTime(turn.types[type])) {
      next = Math.min(next, message.sentAt + turn.settings.answerLimitMs);
      break;
    }
  }
  for (const { readyAt, notBefore, awaited } of turn.retirements) {
    if (readyAt !== undefined) next = Math.min(next, readyAt);
    else if (awaited === undefined) next = Math.min(next, notBefore);
  }
  return next === Number.POSITIVE_INFINITY ? undefined : next;
}
