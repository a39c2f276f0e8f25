import { type ClusterEvent, isAfter, type Position } from "../events/cluster-event.ts";
import { kindText } from "../events/kinds.ts";
import { objectKeyText } from "../object.ts";
import { emptyTrie, type Trie } from "../trie/trie.ts";
import { type ClusterState, refusedMarker, type StagedList, stateEntry } from "./cluster-state.ts";

/** A jump larger than this is not a publisher's: epochs grow by one for each list. */
const maxEpochJump = 1_000_000;

/**
 * `applied`: taken. `stale`: older than or equal to what is folded, no effect. `unexpected`: something before it is missing or it contradicts the
 * state; no effect, and the publisher must list again because of `why`.
 */
export type Outcome =
  | { readonly kind: "applied" }
  | { readonly kind: "stale" }
  | { readonly kind: "unexpected"; readonly why: string };

export interface Evolution {
  readonly state: ClusterState;
  readonly outcome: Outcome;
}

/** One event folded into the state. Stale and repeated events change nothing (design.md §2, §3). */
export function evolve(state: ClusterState, event: ClusterEvent): Evolution {
  if (event.type === "Heartbeat") return checkHeartbeat(state, event);
  if (event.type === "ListStarted") return startList(state, event);
  const position: Position = { epoch: event.epoch, seq: event.seq };
  const current = state.staged?.position ?? state.applied;
  if (!isAfter(position, current)) return stale(state);
  if (position.epoch !== current.epoch) return unexpected(state, `epoch ${position.epoch} did not open with a list`);
  if (position.seq !== current.seq + 1) {
    return unexpected(state, `seq ${position.seq} of epoch ${position.epoch} came after ${current.seq}`);
  }
  return take(state, event, position);
}

function take(state: ClusterState, event: ClusterEvent, position: Position): Evolution {
  const { staged } = state;
  if (event.type === "ListEnded") {
    if (staged === undefined) return unexpected(state, "a list ended that had not started");
    if (staged.objects.root !== event.state)
      return unexpected(withoutStaged(state), "the list is not what its end says");
    return applied({ applied: position, objects: staged.objects });
  }
  const objects = change(staged?.objects ?? state.objects, event);
  if (staged === undefined) return applied({ applied: position, objects });
  return applied({ ...state, staged: { ...staged, ...withDeletion(state, staged, event), position, objects } });
}

/** A deletion within a list is of what the publisher saw go before. */
function withDeletion(
  { objects }: ClusterState,
  { deleted }: StagedList,
  event: ClusterEvent,
): Pick<StagedList, "deleted"> {
  if (event.type !== "ObjectDeleted" || objects.get(objectKeyText(event.object)) === undefined) return {};
  const kind = kindText(event.object);
  return { deleted: { ...deleted, [kind]: (deleted?.[kind] ?? 0) + 1 } };
}

function startList(state: ClusterState, event: ClusterEvent & { readonly type: "ListStarted" }): Evolution {
  const newest = Math.max(state.applied.epoch, state.staged?.position.epoch ?? 0);
  if (event.epoch <= newest) return stale(state);
  if (event.epoch - newest > maxEpochJump)
    return unexpected(state, `epoch ${event.epoch} after ${newest} is not a publisher's`);
  if (event.seq !== 1) return unexpected(state, `a list started with seq ${event.seq}`);
  const position: Position = { epoch: event.epoch, seq: 1 };
  if (event.asserts === undefined) return applied({ ...state, staged: { position, objects: emptyTrie } });
  if (event.asserts !== state.objects.root) return unexpected(state, "the state is not what the list asserts");
  return applied({ applied: position, objects: state.objects });
}

function checkHeartbeat(state: ClusterState, event: ClusterEvent & { readonly type: "Heartbeat" }): Evolution {
  const current = state.staged?.position ?? state.applied;
  if (isAfter(current, event)) return stale(state);
  if (isAfter(event, current))
    return unexpected(
      state,
      `the publisher is at seq ${event.seq} of epoch ${event.epoch}, the head at ${current.epoch}/${current.seq}`,
    );
  const objects = state.staged?.objects ?? state.objects;
  return objects.root === event.state ? stale(state) : unexpected(state, "the publisher holds another state");
}

function change(objects: Trie, event: ClusterEvent): Trie {
  switch (event.type) {
    case "ObjectApplied":
      return objects.with([stateEntry({ key: event.object, uid: event.uid, body: event.body })]);
    case "ObjectRefused":
      return objects.with([stateEntry({ key: event.object, uid: event.uid, body: refusedMarker(event) })]);
    case "ObjectDeleted":
      return objects.with([[objectKeyText(event.object), undefined]]);
    case "ServedLocally":
    case "ListStarted":
    case "ListEnded":
    case "Heartbeat":
      return objects;
  }
}

function withoutStaged(state: ClusterState): ClusterState {
  return { applied: state.applied, objects: state.objects };
}

function applied(state: ClusterState): Evolution {
  return { state, outcome: { kind: "applied" } };
}

function stale(state: ClusterState): Evolution {
  return { state, outcome: { kind: "stale" } };
}

function unexpected(state: ClusterState, why: string): Evolution {
  return { state, outcome: { kind: "unexpected", why } };
}
