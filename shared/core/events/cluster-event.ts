import type { ContentHash } from "../brand.ts";
import type { JsonObject } from "../canonical.ts";
import type { ObjectKey } from "../object.ts";

/** Version of the event shape; an unknown one stops that cluster with a condition (design.md §3). */
export const eventVersion = 1;

/** Where in a cluster's history: `seq` is 1, 2, 3 … within the epoch, without gaps. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** Who says it. */
export interface EventOrigin extends Position {
  readonly v: typeof eventVersion;
  readonly mesh: string;
  readonly cluster: string;
  /** ISO 8601, for people and tracing only; never for ordering. */
  readonly time: string;
  /** W3C trace context of the change. */
  readonly traceparent?: string;
}

/** What Kubernetes tells of the last write. */
export interface EventCause {
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly manager?: string;
  readonly time?: string;
}

/**
 * What happened in a cluster. A list (`ListStarted` … `ListEnded`) opens every epoch and replaces the state as one; a `ListStarted` that asserts a state
 * hash is a whole list by itself. `Heartbeat` repeats the last seq instead of taking one of its own.
 */
export type ClusterEvent = EventOrigin & ClusterFact;

export type ClusterFact =
  | {
      readonly type: "ListStarted";
      readonly reason: string;
      /** The publisher's own state hash, when it equals the one in the head: the list is this one event. */
      readonly asserts?: ContentHash;
      readonly seen?: { readonly incarnation: string; readonly version: number; readonly policyVersion: number };
    }
  | {
      readonly type: "ObjectApplied";
      readonly object: ObjectKey;
      readonly uid: string;
      readonly body: JsonObject;
      readonly cause: EventCause;
    }
  | { readonly type: "ObjectDeleted"; readonly object: ObjectKey; readonly uid: string; readonly cause: EventCause }
  | {
      readonly type: "ObjectRefused";
      readonly object: ObjectKey;
      readonly uid: string;
      readonly bodyHash: ContentHash;
      readonly reason: string;
      readonly cause: EventCause;
    }
  | { readonly type: "ListEnded"; readonly state: ContentHash }
  | { readonly type: "Heartbeat"; readonly state: ContentHash }
  | {
      readonly type: "ServedLocally";
      readonly root: ContentHash;
      readonly state: ContentHash;
      readonly from: string;
      readonly to: string;
    };

export function isAfter(a: Position, b: Position): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq);
}
