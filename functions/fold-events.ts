import type { ClusterEvent } from "../shared/core/events/cluster-event.ts";
import type { ClusterState } from "../shared/core/state/cluster-state.ts";
import { evolve } from "../shared/core/state/evolve.ts";
import type { ChangeCause, Head } from "../shared/store/documents.ts";

/** What a batch of one cluster's events comes to. */
export interface Folded {
  readonly state: ClusterState;
  readonly want: string | undefined;
  readonly refused: Head["refused"];
  readonly causes: readonly ChangeCause[];
  readonly counts: { readonly applied: number; readonly stale: number; readonly unexpected: number };
}

/** Folds events, in the order of the hub, into the state that the head names. Pure: a repeat after a lost compare-and-set starts over. */
export function foldEvents(start: ClusterState, head: Head, events: readonly ClusterEvent[]): Folded {
  let state = start;
  let { want, refused } = head;
  const causes: ChangeCause[] = [];
  const counts = { applied: 0, stale: 0, unexpected: 0 };
  for (const event of events) {
    const { state: next, outcome } = evolve(state, event);
    counts[outcome.kind]++;
    if (outcome.kind === "unexpected") want = outcome.why;
    if (outcome.kind === "applied") {
      if (isWholeList(event)) want = undefined;
      if (event.type === "ObjectRefused") refused = withRefusal(refused, event);
      const cause = causeOf(event);
      if (cause !== undefined) causes.push(cause);
    }
    state = next;
  }
  return { state, want, refused, causes, counts };
}

function isWholeList(event: ClusterEvent): boolean {
  return event.type === "ListEnded" || (event.type === "ListStarted" && event.asserts !== undefined);
}

function withRefusal(
  refused: Head["refused"],
  event: ClusterEvent & { readonly type: "ObjectRefused" },
): Head["refused"] {
  const newest = [{ object: event.object, bodyHash: event.bodyHash }, ...refused.newest].slice(0, 8);
  return { count: refused.count + 1, newest };
}

function causeOf(event: ClusterEvent): ChangeCause | undefined {
  const what = { ObjectApplied: "applied", ObjectDeleted: "deleted", ObjectRefused: "refused" } as const;
  if (event.type !== "ObjectApplied" && event.type !== "ObjectDeleted" && event.type !== "ObjectRefused")
    return undefined;
  return {
    object: event.object,
    what: what[event.type],
    position: { epoch: event.epoch, seq: event.seq },
    time: event.time,
    cause: event.cause,
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
  };
}
