import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContentHash } from "../../shared/core/brand.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import { chooseServed, type ServingSituation } from "./choose-served.ts";

const at = (epoch: number, seq: number) => ({ epoch, seq });

function served(state: string, translator = 1): Head["served"] & ServedSnapshot["served"] {
  const root = `root of ${state}` as ContentHash;
  return { root, state: state as ContentHash, policyVersion: 0, settingsVersion: 0, translator };
}

function head(state: string, applied = at(1, 5), compiled = state): Head {
  return {
    incarnation: "first",
    version: 3,
    applied,
    state: state as ContentHash,
    served: served(compiled),
    refused: { count: 0, newest: [] },
    writeId: "w",
    sweepFloor: 0,
  };
}

/** The cloud compiled state `a`, this gateway is at state `b`. */
function situation(changes: Partial<ServingSituation> = {}): ServingSituation {
  const cloud = { incarnation: "first", version: 3, served: served("a") } as ServedSnapshot;
  const own = "b" as ContentHash;
  return { note: undefined, noted: true, head: head("a"), cloud, own, servesLocal: false, translator: 1, ...changes };
}

const autonomous = { mode: "autonomous", since: "", floor: at(1, 6) } as const;
const following = { mode: "following", since: "", floor: at(1, 6) } as const;
const pin = { kind: "rollback", who: "a person", why: "", when: "" } as const;

for (const { name, given, expected } of [
  { name: "the cloud's while nobody says otherwise, however far the own state is", given: {}, expected: "cloud" },
  { name: "the own state while autonomous", given: { note: autonomous }, expected: "local" },
  {
    name: "the cloud's while autonomous where it holds the own state: the bytes are the same",
    given: { note: autonomous, own: "a" as ContentHash, servesLocal: true },
    expected: "cloud",
  },
  {
    name: "the cloud's while it is pinned, whatever the mode",
    given: { note: autonomous, head: { ...head("a"), pin }, servesLocal: true },
    expected: "cloud",
  },
  { name: "nothing of half a cluster", given: { note: autonomous, own: undefined }, expected: "cloud" },
  {
    name: "what was compiled here before a restart until the own state is known",
    given: { note: autonomous, own: undefined, servesLocal: true },
    expected: "stay",
  },
  {
    name: "the cloud's where a newer translator made it",
    given: { note: autonomous, cloud: { ...situation().cloud, served: served("a", 2) } },
    expected: "cloud",
  },
  {
    name: "what was compiled here before a restart until it is known what the publisher says",
    given: { noted: false, servesLocal: true },
    expected: "stay",
  },
  {
    name: "what was compiled here until a head has applied the floor",
    given: { note: following, servesLocal: true },
    expected: "stay",
  },
  {
    name: "what was compiled here until what was applied is compiled",
    given: { note: following, servesLocal: true, head: head("c", at(1, 6), "a") },
    expected: "stay",
  },
  {
    name: "what was compiled here until the snapshot of such a head is there",
    given: { note: following, servesLocal: true, head: { ...head("c", at(1, 6)), version: 4 } },
    expected: "stay",
  },
  {
    name: "the cloud's once it covers the floor",
    given: { note: following, servesLocal: true, head: head("a", at(2, 1)) },
    expected: "cloud",
  },
] as const) {
  test(`chooseServed() gives ${name}`, () => {
    assert.equal(chooseServed(situation(given)), expected);
  });
}
