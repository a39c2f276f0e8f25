import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toPersistentMap } from "./persistent-map.ts";
import { isSameStream } from "./same-stream.ts";
import { createStream, type Stream, type TypeState } from "./stream.ts";
import { absentResource, viewOf } from "./stream-fixture.ts";
import { openSubscription } from "./subscription.ts";

const resource = { name: "cart", version: "1", body: Buffer.from("1"), proven: true };
const base: Stream = {
  ...createStream({ protocol: "delta", absent: absentResource }),
  view: viewOf(1, { cluster: { cart: "1" } }),
};
const message = { items: new Map(), single: true, number: 1, sentAt: 0, late: false };

/** Another value of every member; a new member has to be thought of here. */
const others: { readonly [Key in keyof Omit<Stream, "types">]: Stream[Key] } = {
  protocol: "sotw",
  settings: { answerLimitMs: 1, drainMs: 2 },
  absent: () => "removed",
  view: viewOf(1, { cluster: { cart: "2" } }),
  sent: 7,
  series: { change: 9, after: 0 },
  retirements: [{ id: 1, names: [], sentBefore: 0, notBefore: 0, awaited: undefined, readyAt: undefined }],
  retiring: toPersistentMap([["route|cart", 1]]),
  owing: toPersistentMap([["x", "extension"]]),
  listenersSwitchedAt: 5,
  settled: 1,
  wakeAt: 6,
};
const otherTypes: { readonly [Key in keyof TypeState]: TypeState[Key] } = {
  asked: true,
  greet: true,
  loading: false,
  subscription: openSubscription("endpoint", ["cart"]),
  listing: "4 abc",
  exceptions: toPersistentMap([["cart", { version: "1", resource, sentAs: 0 }]]),
  inFlight: toPersistentMap([["1.1", message]]),
  sending: toPersistentMap([["cart", "1.1"]]),
  batch: "1.1",
  dirty: toPersistentMap([["cart", "compare"]]),
  parked: toPersistentMap([["cart", "resend"]]),
  stalled: true,
  alone: toPersistentMap([["cart", true]]),
  unsure: toPersistentMap([["cart", true]]),
  verdicts: toPersistentMap([["cart", { version: "1", verdict: "proven" }]]),
  refused: toPersistentMap([["cart", "2"]]),
  heldBackSince: 3,
};

function withType(changes: Partial<TypeState>): Stream {
  return { ...base, types: { ...base.types, endpoint: { ...base.types.endpoint, ...changes } } };
}

describe("isSameStream()", () => {
  it("holds of copies, whatever they are made of", () => {
    assert.ok(isSameStream(base, withType({})));
    const names = () => withType({ subscription: openSubscription("endpoint", ["cart", "shop"]) });
    assert.ok(isSameStream(names(), names()));
    assert.ok(isSameStream(names(), withType({ subscription: openSubscription("endpoint", ["shop", "cart"]) })));
  });

  it("does not hold where any one member differs", () => {
    for (const [key, value] of Object.entries(others)) {
      assert.equal(isSameStream(base, { ...base, [key]: value }), false, key);
    }
    for (const [key, value] of Object.entries(otherTypes)) {
      assert.equal(isSameStream(base, withType({ [key]: value })), false, key);
    }
  });

  it("tells what is held by version, unless more than the bytes counts", () => {
    const holding = (more: object) =>
      withType({
        exceptions: toPersistentMap([["cart", { version: "1", resource: { ...resource, ...more }, sentAs: 0 }]]),
      });
    assert.ok(isSameStream(holding({}), holding({})));
    assert.equal(isSameStream(holding({ peers: new Set("a") }), holding({ peers: new Set("b") })), false);
    assert.equal(
      isSameStream(
        holding({}),
        withType({ exceptions: toPersistentMap([["cart", { version: "1", resource: undefined, sentAs: 0 }]]) }),
      ),
      false,
    );
  });
});
