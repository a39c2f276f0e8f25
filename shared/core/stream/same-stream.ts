import { envoyTypes } from "../xds/resource.ts";
import type { NameSet } from "./name-set.ts";
import { entriesOf, lookup, type PersistentMap } from "./persistent-map.ts";
import { type Held, nothing, type Stream, type TypeState } from "./stream.ts";

/** Whether both streams answer everything alike from now on. May say no where they do: what is long is not compared. */
export function isSameStream(one: Stream, other: Stream): boolean {
  if (one === other) return true;
  return (
    one.view === other.view &&
    one.protocol === other.protocol &&
    one.settings === other.settings &&
    one.absent === other.absent &&
    one.sent === other.sent &&
    one.series.change === other.series.change &&
    one.series.after === other.series.after &&
    one.listenersSwitchedAt === other.listenersSwitchedAt &&
    one.settled === other.settled &&
    one.wakeAt === other.wakeAt &&
    one.retirements.length + other.retirements.length === 0 &&
    isSameMap(one.retiring, other.retiring) &&
    isSameMap(one.owing, other.owing) &&
    envoyTypes.every((type) => isSameType(one.types[type], other.types[type]))
  );
}

function isSameType(one: TypeState, other: TypeState): boolean {
  if (one === other) return true;
  return (
    one.asked === other.asked &&
    one.greet === other.greet &&
    one.loading === other.loading &&
    one.listing === other.listing &&
    one.batch === other.batch &&
    one.stalled === other.stalled &&
    one.heldBackSince === other.heldBackSince &&
    one.subscription.wildcard === other.subscription.wildcard &&
    areSameNames(one.subscription.names, other.subscription.names) &&
    isSameMap(one.exceptions, other.exceptions, isSameHeld) &&
    isSameMap(one.inFlight, other.inFlight) &&
    isSameMap(one.sending, other.sending) &&
    isSameMap(one.dirty, other.dirty) &&
    isSameMap(one.parked, other.parked) &&
    isSameMap(one.alone, other.alone) &&
    isSameMap(one.unsure, other.unsure) &&
    isSameMap(one.verdicts, other.verdicts) &&
    isSameMap(one.refused, other.refused)
  );
}

function areSameNames(one: NameSet, other: NameSet): boolean {
  return one === other || (one.base === other.base && one.size === other.size && isSameMap(one.differs, other.differs));
}

/** Longer ones are compared by identity alone. */
const short = 64;

function isSameMap<V>(
  one: PersistentMap<V>,
  other: PersistentMap<V>,
  isSame: (value: V, other: V) => boolean = Object.is,
): boolean {
  if (one === other) return true;
  if (one.size !== other.size || one.size > short) return false;
  for (const [name, value] of entriesOf(one)) {
    const found = lookup(other, name);
    if (found === undefined || !isSame(value, found)) return false;
  }
  return true;
}

type Exception = Held | typeof nothing;

/** A version is a hash of the bytes; of what is asked when connections open, more counts. */
function isSameHeld(one: Exception, other: Exception): boolean {
  if (one === other) return true;
  if (one === nothing || other === nothing) return false;
  if (one.version !== other.version || one.sentAs !== other.sentAs || one.standIn !== other.standIn) return false;
  if (one.resource === other.resource) return true;
  return isPlain(one) && isPlain(other);
}

function isPlain({ resource }: Held): boolean {
  return resource !== undefined && resource.peers === undefined && resource.guards === undefined;
}
