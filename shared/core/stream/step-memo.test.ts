import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createStepMemo, type StepMemo } from "./step-memo.ts";
import { createStream, type Stream, type StreamRequest } from "./stream.ts";
import { absentResource, viewOf } from "./stream-fixture.ts";
import type { View } from "./view.ts";

const begun = createStream({ protocol: "delta", absent: absentResource });
const empty = { subscribe: [], unsubscribe: [], held: new Map(), nonce: "", error: undefined };

/** Gives the input and acknowledges all that comes of it. */
function show(
  memo: StepMemo,
  stream: Stream,
  { view, now = 0 }: { readonly view: View; readonly now?: number },
): Stream {
  return acknowledge(memo, memo.step(stream, { kind: "view", now, view }), now);
}

function ask(memo: StepMemo, stream: Stream, request: Pick<StreamRequest, "type"> & Partial<StreamRequest>): Stream {
  return acknowledge(memo, memo.step(stream, { kind: "request", now: 0, request: { ...empty, ...request } }), 0);
}

function acknowledge(memo: StepMemo, { stream, outputs }: ReturnType<StepMemo["step"]>, now: number): Stream {
  let last = stream;
  for (const output of outputs) {
    if (output.kind !== "send") continue;
    const { type, nonce } = output;
    last = acknowledge(memo, memo.step(last, { kind: "request", now, request: { ...empty, type, nonce } }), now);
  }
  return last;
}

const first = viewOf(1, { cluster: { cart: "1", shop: "1" }, endpoint: { cart: "1", shop: "1" } });
const second = viewOf(2, { cluster: { cart: "1", shop: "1" }, endpoint: { cart: "2", shop: "1" } });

describe("streams that take the same steps", () => {
  it("are one object, and send one message", () => {
    const memo = createStepMemo([begun]);
    const streams = [0, 1].map(() => {
      const stream = ask(memo, show(memo, begun, { view: first }), { type: "cluster" });
      return ask(memo, stream, { type: "endpoint", subscribe: ["cart", "shop"] });
    });
    const [one, other] = streams.map((stream) => memo.step(stream, { kind: "view", now: 0, view: second }));
    assert.equal(one?.stream, other?.stream);
    assert.equal(one?.outputs[0]?.kind, "send");
    assert.equal(one?.outputs[0], other?.outputs[0]);
  });

  it("meet again after they have gone different ways", () => {
    const memo = createStepMemo([begun]);
    const opened = ask(memo, show(memo, begun, { view: first }), { type: "cluster" });
    const together = ask(memo, opened, { type: "endpoint", subscribe: ["cart", "shop"] });
    const inTurn = ask(memo, ask(memo, opened, { type: "endpoint", subscribe: ["shop"] }), {
      type: "endpoint",
      subscribe: ["cart"],
    });
    assert.notEqual(together, inTurn);
    assert.equal(
      show(memo, together, { view: second, now: 10 }),
      show(memo, inTurn, { view: second, now: 20 }),
      "what they subscribe to and hold is the same",
    );
  });

  it("are sent at their own time", () => {
    const memo = createStepMemo([begun]);
    const opened = ask(memo, show(memo, begun, { view: first }), { type: "cluster" });
    const stream = ask(memo, opened, { type: "endpoint", subscribe: ["cart"] });
    const [early, late] = [10, 20].map((now) => memo.step(stream, { kind: "view", now, view: second }));
    assert.equal(early?.stream.wakeAt, 5010);
    assert.equal(late?.stream.wakeAt, 5020);
  });

  it("take one step when they come back, in whatever order they tell what they hold", () => {
    const memo = createStepMemo([begun]);
    const [, opened = begun] = [0, 1].map(() => memo.step(begun, { kind: "view", now: 0, view: second }).stream);
    const back = (versions: readonly (readonly [string, string])[]) =>
      memo.step(opened, {
        kind: "request",
        now: 0,
        request: { ...empty, type: "endpoint", subscribe: ["cart", "shop"], held: new Map(versions) },
      });
    const one = back([
      ["cart", "2"],
      ["shop", "1"],
    ]);
    const reversed = back([
      ["shop", "1"],
      ["cart", "2"],
    ]);
    const older = back([
      ["shop", "1"],
      ["cart", "1"],
    ]);
    assert.equal(one, reversed, "the very step");
    assert.notEqual(one.stream, older.stream);
  });

  it("stay apart while one holds what the other does not", () => {
    const memo = createStepMemo([begun]);
    const opened = ask(memo, show(memo, begun, { view: first }), { type: "cluster" });
    const [some, all] = [["cart"], ["cart", "shop"]].map((subscribe) =>
      show(memo, ask(memo, opened, { type: "endpoint", subscribe }), { view: second }),
    );
    assert.notEqual(some, all);
  });

  it("are worked out again when nobody asked for two sweeps", () => {
    const memo = createStepMemo([begun]);
    const look = () => memo.step(begun, { kind: "view", now: 0, view: first });
    const known = look();
    memo.sweep();
    assert.equal(look(), known);
    memo.sweep();
    memo.sweep();
    assert.notEqual(look(), known);
  });
});
