import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClusterEvent, type ClusterFact, eventVersion, type Position } from "../events/cluster-event.ts";
import { emptyTrie } from "../trie/trie.ts";
import { type ClusterState, emptyClusterState, objectsOf, stateEntry } from "./cluster-state.ts";
import { evolve, type Outcome } from "./evolve.ts";

const key = (name: string) => ({ group: "", kind: "Service", namespace: "shop", name });
const started = (extra: object = {}): ClusterFact => ({ type: "ListStarted", reason: "test", ...extra });
const applied = (name: string, body = { a: 1 }): ClusterFact => ({
  type: "ObjectApplied",
  object: key(name),
  uid: name,
  body,
  cause: {},
});
const deleted = (name: string): ClusterFact => ({ type: "ObjectDeleted", object: key(name), uid: name, cause: {} });
const rootOf = (...names: string[]) =>
  emptyTrie.with(names.map((name) => stateEntry({ key: key(name), uid: name, body: { a: 1 } }))).root;

function event(position: Position, fact: ClusterFact): ClusterEvent {
  return { v: eventVersion, mesh: "weft", cluster: "c", time: "2026-01-01T00:00:00Z", ...position, ...fact };
}

/** Facts of one epoch, from seq 1. */
function epoch(number: number, ...facts: ClusterFact[]): ClusterEvent[] {
  return facts.map((fact, index) => event({ epoch: number, seq: index + 1 }, fact));
}

function given(...events: ClusterEvent[]) {
  const state = events.reduce<ClusterState>((before, next) => evolve(before, next).state, emptyClusterState);
  return {
    state,
    when(next: ClusterEvent) {
      const result = evolve(state, next);
      return {
        then(kind: Outcome["kind"], names: readonly string[]): void {
          assert.equal(result.outcome.kind, kind);
          assert.deepEqual([...objectsOf(result.state.objects)].map((object) => object.key.name).sort(), names);
          if (kind !== "applied") assert.equal(result.state.objects.root, state.objects.root);
        },
        result,
      };
    },
  };
}

const listed = epoch(1, started(), applied("a"), applied("b"), { type: "ListEnded", state: rootOf("a", "b") });

test("evolve() replaces the state when a list has ended, and not before", () => {
  given(...listed.slice(0, 3))
    .when(listed[2] as ClusterEvent)
    .then("stale", []);
  given(...listed.slice(0, 3))
    .when(listed[3] as ClusterEvent)
    .then("applied", ["a", "b"]);
});

test("evolve() keeps serving the old state while a new list is being made", () => {
  const half = [...listed, ...epoch(2, started(), applied("c"))];
  assert.deepEqual([...objectsOf(given(...half).state.objects)].map((object) => object.key.name).sort(), ["a", "b"]);
  given(...half)
    .when(event({ epoch: 2, seq: 3 }, { type: "ListEnded", state: rootOf("c") }))
    .then("applied", ["c"]);
});

test("evolve() counts what a list says was deleted of the state, whatever the list holds", () => {
  const { state } = given(...listed, ...epoch(2, started(), deleted("a"), deleted("never"), applied("b")));
  assert.deepEqual(state.staged?.deleted, { "/Service": 1 });
  assert.equal(state.objects.root, rootOf("a", "b"));
});

test("evolve() drops a list that is not what its end says", () => {
  given(...listed, ...epoch(2, started(), applied("c")))
    .when(event({ epoch: 2, seq: 3 }, { type: "ListEnded", state: rootOf("c", "d") }))
    .then("unexpected", ["a", "b"]);
});

test("evolve() takes the next seq, ignores what it has, and refuses a gap", () => {
  given(...listed)
    .when(event({ epoch: 1, seq: 5 }, applied("c")))
    .then("applied", ["a", "b", "c"]);
  given(...listed)
    .when(event({ epoch: 1, seq: 5 }, deleted("a")))
    .then("applied", ["b"]);
  given(...listed)
    .when(event({ epoch: 1, seq: 4 }, deleted("a")))
    .then("stale", ["a", "b"]);
  given(...listed)
    .when(event({ epoch: 1, seq: 6 }, deleted("a")))
    .then("unexpected", ["a", "b"]);
});

test("evolve() ignores a publisher of an older epoch", () => {
  const taken = [...listed, ...epoch(3, started({ asserts: rootOf("a", "b") }))];
  given(...taken)
    .when(event({ epoch: 1, seq: 5 }, deleted("a")))
    .then("stale", ["a", "b"]);
  given(...taken)
    .when(event({ epoch: 2, seq: 1 }, started()))
    .then("stale", ["a", "b"]);
});

test("evolve() takes an assertion of the state hash for a whole list, and asks for one when it is wrong", () => {
  given(...listed)
    .when(event({ epoch: 2, seq: 1 }, started({ asserts: rootOf("a", "b") })))
    .then("applied", ["a", "b"]);
  given(...listed)
    .when(event({ epoch: 2, seq: 1 }, started({ asserts: rootOf("a") })))
    .then("unexpected", ["a", "b"]);
});

test("evolve() refuses an epoch that opens without a list, or that is no publisher's", () => {
  given(...listed)
    .when(event({ epoch: 2, seq: 1 }, applied("c")))
    .then("unexpected", ["a", "b"]);
  given(...listed)
    .when(event({ epoch: 2 ** 40, seq: 1 }, started()))
    .then("unexpected", ["a", "b"]);
});

test("evolve() learns from a heartbeat that the last event was lost, or that states differ", () => {
  const beat = (seq: number, ...names: string[]) =>
    event({ epoch: 1, seq }, { type: "Heartbeat", state: rootOf(...names) });
  given(...listed)
    .when(beat(4, "a", "b"))
    .then("stale", ["a", "b"]);
  given(...listed)
    .when(beat(5, "a", "b"))
    .then("unexpected", ["a", "b"]);
  given(...listed)
    .when(beat(4, "a"))
    .then("unexpected", ["a", "b"]);
});

test("evolve() puts a marker in the place of an object that was refused", () => {
  const refused: ClusterFact = {
    type: "ObjectRefused",
    object: key("c"),
    uid: "c",
    bodyHash: rootOf("x"),
    reason: "too large",
    cause: {},
  };
  const { result } = given(...listed).when(event({ epoch: 1, seq: 5 }, refused));
  const marker = [...objectsOf(result.state.objects)].find((object) => object.key.name === "c");
  assert.deepEqual(marker?.body, { refused: { bodyHash: rootOf("x"), reason: "too large" } });
});
