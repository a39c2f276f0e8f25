import type { EnvoyType } from "../xds/resource.ts";
import { entriesOf, lookup, withChanges } from "./persistent-map.ts";
import { type Held, nothing, type Stream, type TypeState } from "./stream.ts";
import { wants } from "./subscription.ts";
import { edit, type Turn } from "./turn.ts";
import type { ViewResource, ViewResources } from "./view.ts";

/**
 * What a proxy holds is what its view has of the names that it subscribes to, but for exceptions: what is new and not acknowledged yet, refused, answered
 * as unknown, sent in place of something else. So the view itself is the stream's cursor, and a quiet stream keeps next to nothing.
 */
export function heldOf(stream: Pick<Stream, "view" | "types">, type: EnvoyType, name: string): Held | undefined {
  return heldIn(stream.types[type], stream.view?.resources[type], name);
}

/** By another view than the stream's own: the one before. */
export function heldIn(state: TypeState, resources: ViewResources | undefined, name: string): Held | undefined {
  const exception = lookup(state.exceptions, name);
  if (exception !== undefined) return exception === nothing ? undefined : exception;
  const resource = resources?.get(name);
  if (resource === undefined || !wants(state.subscription, name)) return undefined;
  return { version: resource.version, resource, sentAs: 0 };
}

/** The proxy holds this of the names from now on; undefined: nothing. */
export function hold(turn: Turn, type: EnvoyType, held: readonly (readonly [name: string, held: Held | undefined])[]) {
  if (held.length === 0) return;
  const state = edit(turn, type);
  const resources = turn.view?.resources[type];
  const changes: [string, Held | typeof nothing | undefined][] = [];
  for (const [name, one] of held) {
    const resource = wants(state.subscription, name) ? resources?.get(name) : undefined;
    if (isException(turn, { type, held: one, resource })) changes.push([name, one ?? nothing]);
    else if (lookup(state.exceptions, name) !== undefined) changes.push([name, undefined]);
  }
  state.exceptions = withChanges(state.exceptions, changes);
}

/** Drops the exceptions that are none any more, now that no removal waits for answers. */
export function tidyHoldings(turn: Turn): void {
  for (const type of ["listener", "route"] as const) {
    const settled: [string, Held][] = [];
    for (const [name, held] of entriesOf(turn.types[type].exceptions))
      if (held !== nothing) settled.push([name, held.sentAs === 0 ? held : { ...held, sentAs: 0 }]);
    hold(turn, type, settled);
  }
}

/**
 * A brought listener that asks policies stays one: it may have asked them before this stream knew of it (revocation.ts). Removals may wait for the number
 * of an acknowledged message (retirement.ts).
 */
function isException(
  turn: Turn,
  {
    type,
    held,
    resource,
  }: { readonly type: EnvoyType; readonly held: Held | undefined; readonly resource: ViewResource | undefined },
): boolean {
  if (held === undefined) return resource !== undefined;
  if (resource === undefined || held.version !== resource.version) return true;
  if (held.resource === undefined) return resource.guards !== undefined;
  return held.sentAs > 0 && turn.retirements.length > 0 && (type === "listener" || type === "route");
}
