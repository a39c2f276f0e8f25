import { randomBytes } from "node:crypto";
import {
  type ClusterEvent,
  type ClusterFact,
  type EventCause,
  eventVersion,
  type Position,
} from "../../shared/core/events/cluster-event.ts";
import { parseObjectKey } from "../../shared/core/object.ts";
import { readRefusedMarker, readStateEntry } from "../../shared/core/state/cluster-state.ts";
import type { Trie, TrieDifference } from "../../shared/core/trie/trie.ts";

/** What is known of the last write of an object, and when it was seen here. */
export interface ObjectNote {
  readonly cause: EventCause;
  /** ISO 8601 */
  readonly time: string;
}

export interface OutboxContext {
  readonly mesh: string;
  readonly cluster: string;
  /** By object key text. */
  readonly note: (key: string) => ObjectNote | undefined;
  /** ISO 8601, for what has no note. */
  readonly now: () => string;
}

/** Messages of one send. */
const batchEvents = 100;

/**
 * The next events that lead from what was published to what is: several changes of one object that waited are one, and what changed back is none.
 * `published` is the state after them.
 */
export function nextEvents(
  context: OutboxContext,
  published: { readonly objects: Trie; readonly position: Position },
  now: Trie,
): { readonly events: readonly ClusterEvent[]; readonly objects: Trie; readonly position: Position } {
  let { position } = published;
  const events: ClusterEvent[] = [];
  const changes: (readonly [string, string | undefined])[] = [];
  for (const difference of published.objects.compare(now)) {
    position = { epoch: position.epoch, seq: position.seq + 1 };
    events.push(eventOf(context, position, difference));
    changes.push([difference.key, difference.after]);
    if (events.length === batchEvents) break;
  }
  return { events, objects: published.objects.with(changes), position };
}

/** An event that is not about an object. */
export function markEvent(context: OutboxContext, position: Position, fact: ClusterFact): ClusterEvent {
  return { v: eventVersion, mesh: context.mesh, cluster: context.cluster, ...position, time: context.now(), ...fact };
}

function eventOf(context: OutboxContext, position: Position, difference: TrieDifference): ClusterEvent {
  const note = context.note(difference.key);
  const origin = {
    v: eventVersion,
    mesh: context.mesh,
    cluster: context.cluster,
    ...position,
    time: note?.time ?? context.now(),
    traceparent: newTraceparent(),
  } as const;
  return { ...origin, ...factOf(difference, note?.cause ?? {}) };
}

function factOf({ key, before, after }: TrieDifference, cause: EventCause): ClusterFact {
  const object = parseObjectKey(key);
  if (after === undefined)
    return { type: "ObjectDeleted", object, uid: before === undefined ? "" : readStateEntry(before).uid, cause };
  const { uid, body } = readStateEntry(after);
  const refused = readRefusedMarker(body);
  if (refused !== undefined) return { type: "ObjectRefused", object, uid, ...refused, cause };
  return { type: "ObjectApplied", object, uid, body, cause };
}

/** W3C trace context, sampled: the change is followed from here to each proxy's ACK. */
function newTraceparent(): string {
  return `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`;
}
