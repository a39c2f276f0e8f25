import type { EnvoyType } from "../xds/resource.ts";
import { heldOf, tidyHoldings } from "./holdings.ts";
import { includes, lookup, namesOf, withEntries, withoutAll } from "./persistent-map.ts";
import type { Retirement } from "./stream.ts";
import { isUnderway, mark, retiringKey, type Turn, timeOf } from "./turn.ts";

/**
 * Removals last (design.md §5, Streams: Order). Envoy's old connections go on using the routes and clusters of a replaced listener until they are drained,
 * so what a view drops waits for the answers to the listeners and routes that changed with it, and, when a listener was among
 * them, for the drain time. `waitMs`: how long nothing is even looked at.
 */
export function retire(turn: Turn, names: Retirement["names"], waitMs: number): void {
  if (names.length === 0) return;
  const notBefore = timeOf(turn) + waitMs;
  const id = (turn.retirements.at(-1)?.id ?? 0) + 1;
  turn.retirements = [
    ...turn.retirements,
    {
      id,
      names,
      sentBefore: turn.sent,
      notBefore,
      awaited: waitMs === 0 ? pendingReferrers(turn) : undefined,
      readyAt: undefined,
    },
  ];
  turn.retiring = withEntries(
    turn.retiring,
    names.map(({ type, name }) => [retiringKey(type, name), id]),
  );
}

/** Names that came back. */
export function cancelRetirement(turn: Turn, type: EnvoyType, names: readonly string[]): void {
  if (turn.retiring.size === 0) return;
  turn.retiring = withoutAll(
    turn.retiring,
    names.map((name) => retiringKey(type, name)),
  );
}

/** Moves retirements on, and marks the names whose time has come. Returns whether there were any. */
export function advanceRetirements(turn: Turn): boolean {
  if (turn.retirements.length === 0) return false;
  let released = false;
  const left: Retirement[] = [];
  for (const before of turn.retirements) {
    const retirement = advance(turn, before);
    if (retirement.readyAt === undefined || retirement.readyAt > timeOf(turn)) {
      left.push(retirement);
      continue;
    }
    release(turn, retirement);
    released = true;
  }
  turn.retirements = left;
  if (left.length === 0) tidyHoldings(turn);
  return released;
}

function advance(turn: Turn, retirement: Retirement): Retirement {
  if (retirement.readyAt !== undefined || retirement.notBefore > timeOf(turn)) return retirement;
  const awaited = retirement.awaited ?? pendingReferrers(turn);
  const open = awaited.findIndex(({ type, name }) => isAwaited(turn, retirement, { type, name }));
  if (open >= 0) return open === 0 && retirement.awaited ? retirement : { ...retirement, awaited: awaited.slice(open) };
  const drained = turn.listenersSwitchedAt === undefined ? 0 : turn.listenersSwitchedAt + turn.settings.drainMs;
  return { ...retirement, awaited: [], readyAt: Math.max(timeOf(turn), drained) };
}

function isAwaited(
  turn: Turn,
  retirement: Retirement,
  { type, name }: { readonly type: "listener" | "route"; readonly name: string },
): boolean {
  const state = turn.types[type];
  const held = heldOf(turn, type, name);
  if (held !== undefined && held.sentAs > retirement.sentBefore) return false;
  // The proxy stays on what it had before the refused version, if it had anything.
  const stays = held !== undefined || includes(state.unsure, name);
  return isUnderway(state, name) || (includes(state.refused, name) && stays);
}

function release(turn: Turn, retirement: Retirement): void {
  for (const { type, name } of retirement.names) {
    const key = retiringKey(type, name);
    if (lookup(turn.retiring, key) !== retirement.id) continue;
    turn.retiring = withoutAll(turn.retiring, [key]);
    mark(turn, type, [name], "compare");
  }
}

function pendingReferrers(turn: Turn): { type: "listener" | "route"; name: string }[] {
  const found: { type: "listener" | "route"; name: string }[] = [];
  for (const type of ["listener", "route"] as const) {
    const { dirty, parked, sending, refused } = turn.types[type];
    const names = new Set([...namesOf(dirty), ...namesOf(parked), ...namesOf(sending), ...namesOf(refused)]);
    for (const name of names) found.push({ type, name });
  }
  return found;
}
