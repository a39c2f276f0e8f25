import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyTrie } from "../trie/trie.ts";
import type { ClusterEvent, ClusterFact } from "./cluster-event.ts";
import { isRejection, parseEnvelope, parseEvent } from "./parse-event.ts";

const origin = { v: 1, mesh: "weft", cluster: "one", epoch: 3, seq: 7, time: "2026-01-01T00:00:00Z" } as const;
const object = { group: "split.smi-spec.io", kind: "TrafficSplit", namespace: "shop", name: "cart" };
const hash = emptyTrie.root;

const facts: readonly ClusterFact[] = [
  { type: "ListStarted", reason: "takeover" },
  { type: "ListStarted", reason: "takeover", asserts: hash, seen: { incarnation: "i", version: 4, policyVersion: 0 } },
  {
    type: "ObjectApplied",
    object,
    uid: "u",
    body: { spec: { deep: [1, { a: null }] } },
    cause: { generation: 2, manager: "kubectl" },
  },
  { type: "ObjectDeleted", object, uid: "u", cause: {} },
  { type: "ObjectRefused", object, uid: "u", bodyHash: hash, reason: "too deep", cause: {} },
  { type: "ListEnded", state: hash },
  { type: "Heartbeat", state: hash },
  { type: "ServedLocally", root: hash, state: hash, from: "a", to: "b" },
];

for (const fact of facts) {
  test(`parseEvent() takes ${fact.type} as it was written`, () => {
    const event: ClusterEvent = { ...origin, traceparent: "00-a-b-01", ...fact };
    assert.deepEqual(parseEvent(JSON.stringify(event)), event);
  });
}

test("parseEvent() rejects what does not say whose it is, without an origin to keep it under", () => {
  for (const text of [
    "",
    "nonsense",
    "null",
    "[]",
    "{}",
    JSON.stringify({ ...origin, epoch: 0 }),
    JSON.stringify({ ...origin, seq: 1.5 }),
    JSON.stringify({ ...origin, seq: 2 ** 60 }),
  ]) {
    const rejection = parseEvent(text);
    assert.ok(isRejection(rejection), text);
    assert.deepEqual([rejection.origin, rejection.instead], [undefined, undefined]);
  }
});

test("parseEvent() stops at an unknown version: nothing takes its seq", () => {
  const rejection = parseEvent(
    JSON.stringify({ ...origin, v: 2, type: "ObjectApplied", object, uid: "u", body: {}, cause: {} }),
  );
  assert.ok(isRejection(rejection));
  assert.match(rejection.reason, /version 2/);
  assert.deepEqual([rejection.origin?.seq, rejection.instead], [7, undefined]);
});

test("parseEvent() puts a refused marker for an object whose body it cannot read", () => {
  const rejection = parseEvent(
    JSON.stringify({ ...origin, type: "ObjectApplied", object, uid: "u", body: "text", cause: {} }),
  );
  assert.ok(isRejection(rejection));
  const { instead } = rejection;
  assert.ok(instead?.type === "ObjectRefused");
  assert.deepEqual([instead.object, instead.uid, instead.epoch, instead.seq], [object, "u", 3, 7]);
  assert.equal(isRejection(instead), false);
  assert.match(instead.reason, /body/);
});

test("parseEvent() keeps an event of an unknown type under its cluster", () => {
  const rejection = parseEvent(JSON.stringify({ ...origin, type: "ObjectRenamed" }));
  assert.ok(isRejection(rejection));
  assert.deepEqual([rejection.origin, rejection.instead], [origin, undefined]);
});

test("parseEnvelope() takes an object or its JSON text, and nothing else", () => {
  const envelope = { kid: "k", signature: "s", event: "{}" };
  assert.deepEqual(parseEnvelope(envelope), envelope);
  assert.deepEqual(parseEnvelope(JSON.stringify(envelope)), envelope);
  for (const message of [undefined, null, 7, "", "nonsense", [], { ...envelope, kid: 1 }, { ...envelope, event: "" }])
    assert.equal(parseEnvelope(message), undefined);
});
