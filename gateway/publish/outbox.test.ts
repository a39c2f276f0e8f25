import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../shared/core/canonical.ts";
import { contentHash } from "../../shared/core/canonical.ts";
import type { ClusterEvent } from "../../shared/core/events/cluster-event.ts";
import {
  type ClusterState,
  emptyClusterState,
  refusedMarker,
  stateEntry,
} from "../../shared/core/state/cluster-state.ts";
import { evolve } from "../../shared/core/state/evolve.ts";
import { emptyTrie, type Trie, trieOf } from "../../shared/core/trie/trie.ts";
import { nextEvents, type OutboxContext } from "./outbox.ts";

const context: OutboxContext = {
  mesh: "weft",
  cluster: "one",
  note: (key) => (key.endsWith("/noted") ? { cause: { generation: 7, manager: "kubectl" }, time: "seen" } : undefined),
  now: () => "now",
};

function entry(name: string, body: JsonObject): readonly [string, string] {
  return stateEntry({ key: { group: "", kind: "Service", namespace: "shop", name }, uid: `uid-${name}`, body });
}

function stateOf(objects: Readonly<Record<string, JsonObject>>): Trie {
  return trieOf(Object.entries(objects).map(([name, body]) => entry(name, body)));
}

const start = { objects: stateOf({ a: { v: 1 }, b: { v: 1 } }), position: { epoch: 3, seq: 9 } };

function shortOf(event: ClusterEvent): string {
  return `${event.epoch}/${event.seq} ${event.type} ${"object" in event ? event.object.name : ""}`;
}

test("nextEvents() says what leads from what was published to what is, with consecutive positions", () => {
  const now = stateOf({ a: { v: 2 }, c: { v: 1 } });
  const next = nextEvents(context, start, now);
  assert.deepEqual(next.events.map((event) => event.type).sort(), ["ObjectApplied", "ObjectApplied", "ObjectDeleted"]);
  assert.deepEqual(
    next.events.map(({ epoch, seq }) => [epoch, seq]),
    [
      [3, 10],
      [3, 11],
      [3, 12],
    ],
  );
  assert.deepEqual([next.position, next.objects.root], [{ epoch: 3, seq: 12 }, now.root]);
});

test("nextEvents() gives one event for several changes of an object, and none for what changed back", () => {
  const edited = start.objects.with([entry("a", { v: 2 })]).with([entry("a", { v: 3 })]);
  assert.deepEqual(nextEvents(context, start, edited).events.map(shortOf), ["3/10 ObjectApplied a"]);
  assert.deepEqual(nextEvents(context, start, edited.with([entry("a", { v: 1 })])).events, []);
});

test("nextEvents() gives a refused object's marker as ObjectRefused, which ingest folds to the same state", () => {
  const marker = refusedMarker({ bodyHash: contentHash("x"), reason: "larger than 1 byte" });
  const now = start.objects.with([entry("a", marker)]);
  const { events } = nextEvents(context, start, now);
  assert.equal(events[0]?.type, "ObjectRefused");
  assert.equal(fold({ applied: start.position, objects: start.objects }, events).objects.root, now.root);
});

test("nextEvents() tells what is known of the last write", () => {
  const { events } = nextEvents(
    context,
    start,
    start.objects.with([entry("noted", { v: 1 }), entry("other", { v: 1 })]),
  );
  const byName = new Map(events.map((event) => ["object" in event ? event.object.name : "", event]));
  assert.deepEqual([byName.get("noted")?.time, byName.get("other")?.time], ["seen", "now"]);
  assert.deepEqual((byName.get("noted") as { cause?: object }).cause, { generation: 7, manager: "kubectl" });
  for (const event of events) assert.match(event.traceparent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test("nextEvents() stops after a batch, and goes on where it stopped until both sides are equal", () => {
  const now = stateOf(Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`s${index}`, { v: index }])));
  const sizes: number[] = [];
  let published: { readonly objects: Trie; readonly position: { epoch: number; seq: number } } = {
    objects: emptyTrie,
    position: { epoch: 1, seq: 1 },
  };
  let state: ClusterState = { ...emptyClusterState, applied: { epoch: 1, seq: 1 } };
  for (;;) {
    const next = nextEvents(context, published, now);
    if (next.events.length === 0) break;
    sizes.push(next.events.length);
    state = fold(state, next.events);
    published = next;
  }
  assert.deepEqual(sizes, [100, 100, 50]);
  assert.deepEqual([state.objects.root, state.applied.seq], [now.root, 251]);
});

function fold(state: ClusterState, events: readonly ClusterEvent[]): ClusterState {
  return events.reduce((folded, event) => {
    const { state: next, outcome } = evolve(folded, event);
    assert.equal(outcome.kind, "applied");
    return next;
  }, state);
}
