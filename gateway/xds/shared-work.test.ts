import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultStreamSettings, type Stream, type StreamInput } from "../../shared/core/stream/stream.ts";
import { viewOf } from "../../shared/core/stream/stream-fixture.ts";
import { createManualClock } from "../../test/support/manual-clock.ts";
import { createSharedWork, type SharedWork } from "./shared-work.ts";

/** What the stream sends. */
function give(
  work: SharedWork,
  before: Stream,
  input: StreamInput,
): { readonly stream: Stream; readonly sent: Buffer[] } {
  const { stream, outputs } = work.step(before, input);
  return { stream, sent: outputs.flatMap((one) => (one.kind === "send" ? [work.encode(stream, one)] : [])) };
}

const asking = {
  type: "cluster",
  subscribe: [],
  unsubscribe: [],
  held: new Map(),
  nonce: "",
  error: undefined,
} as const;

test("classes that one change reaches are sent the same Buffer, and those that two changes reach are not", () => {
  using work = createSharedWork({
    clock: createManualClock(0),
    absent: () => "removed",
    stream: defaultStreamSettings,
    tasterPatienceMs: 250,
  });
  const firstOf = (generation: number, change: number): Buffer | undefined => {
    const view = { ...viewOf(generation, { cluster: { cart: "1" } }), snapshotVersion: 1, change };
    const seen = give(work, work.begin("delta"), { kind: "view", now: 0, view });
    return give(work, seen.stream, { kind: "request", now: 0, request: asking }).sent[0];
  };
  const one = firstOf(2, 2);
  assert.ok(one);
  assert.equal(firstOf(3, 2), one);
  assert.notEqual(firstOf(4, 4), one);
});
