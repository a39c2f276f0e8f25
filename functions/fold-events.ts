import type { ClusterEvent } from "../shared/core/events/cluster-event.ts";
import type { ClusterState, StagedList } from "../shared/core/state/cluster-state.ts";
import { evolve } from "../shared/core/state/evolve.ts";
import type { Trie } from "../shared/core/trie/trie.ts";
import type { ChangeCause, Head, SeenCloud } from "../shared/store/documents.ts";

/** What a batch of one cluster's events comes to. */
export interface Folded {
  readonly state: ClusterState;
  readonly want: string | undefined;
  readonly refused: Head["refused"];
  readonly causes: readonly ChangeCause[];
  /** Lists that ended, each with the state that it replaced. */
  readonly lists: readonly {
    readonly before: Trie;
    readonly after: Trie;
    readonly deleted: StagedList["deleted"];
  }[];
  /** What the publisher saw of the cloud, where that is more than the head says. */
  readonly above: SeenCloud | undefined;
  /** A person released the pin: only it, or with it all that guards have held. */
  readonly released?: "pin" | "everything";
  readonly counts: { readonly applied: number; readonly stale: number; readonly unexpected: number };
}

/** Folds events, in the order of the hub, into the state that the head names. Pure: a repeat after a lost compare-and-set starts over. */
export function foldEvents(start: ClusterState, head: Head, events: readonly ClusterEvent[]): Folded {
  let state = start;
  let { want, refused, above } = head;
  const lists: Folded["lists"][number][] = [];
  const causes: ChangeCause[] = [];
  const counts = { applied: 0, stale: 0, unexpected: 0 };
  for (const event of events) {
    const { state: next, outcome } = evolve(state, event);
    counts[outcome.kind]++;
    if (outcome.kind === "unexpected") want = outcome.why;
    if (outcome.kind === "applied") {
      if (isWholeList(event)) want = undefined;
      if (event.type === "ListEnded")
        lists.push({ before: state.objects, after: next.objects, deleted: state.staged?.deleted });
      if (event.type === "ListStarted" && isAbove(event.seen, head)) above = event.seen;
      if (event.type === "ObjectRefused") refused = withRefusal(refused, event);
      const cause = causeOf(event);
      if (cause !== undefined) causes.push(cause);
    }
    state = next;
  }
  return { state, want, refused, causes, lists, above, counts };
}

/** What a fold comes to that takes no event. */
export function foldNothing(state: ClusterState, head: Head): Folded {
  return foldEvents(state, head, []);
}

/** A jump larger than this is not a publisher's: versions grow by one for each change. */
const maxVersionJump = 1_000_000_000;

/** The head is of an older time of this cluster, or of another: the publisher has seen a version that this head never had (design.md §4). */
function isAbove(seen: SeenCloud | undefined, head: Head): seen is SeenCloud {
  if (seen === undefined || seen.version - head.version > maxVersionJump) return false;
  return seen.incarnation !== head.incarnation || seen.version > head.version;
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
