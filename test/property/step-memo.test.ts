import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { step } from "../../shared/core/stream/step.ts";
import { createStepMemo } from "../../shared/core/stream/step-memo.ts";
import {
  createStream,
  type Stream,
  type StreamInput,
  type StreamOutput,
  type StreamProtocol,
} from "../../shared/core/stream/stream.ts";
import { absentResource, type ViewContent } from "../../shared/core/stream/stream-fixture.ts";
import { type EnvoyType, envoyTypes } from "../../shared/core/xds/resource.ts";
import { createViewMaker, plainShape } from "./stream-views.ts";

const cases = { numRuns: Number(process.env["WEFT_CASES"] ?? 300) };
const settings = { answerLimitMs: 5000, drainMs: 30_000 };
const streams = 4;

/** What happens to some of the streams. */
interface Event {
  /** One bit for each stream. */
  readonly to: number;
  readonly what:
    | { readonly kind: "view"; readonly content: ViewContent; readonly tells: number }
    | { readonly kind: "ask"; readonly type: EnvoyType; readonly names: readonly string[]; readonly leave: boolean }
    | { readonly kind: "answer"; readonly error: boolean }
    | { readonly kind: "judge"; readonly verdict: "proven" | "alone" | "refused" }
    | { readonly kind: "pass"; readonly milliseconds: number }
    | { readonly kind: "sweep" };
}

const names = ["a", "b", "c"];
const resources = (version: fc.Arbitrary<string>) => fc.dictionary(fc.constantFrom(...names), version);
const version = fc.constantFrom("1", "2", "3?");
const content: fc.Arbitrary<ViewContent> = fc.record({
  cluster: resources(version),
  endpoint: resources(fc.constantFrom("1", "2")),
  listener: resources(fc.constantFrom("1", "2", "1(x)", "2(x)")),
  route: resources(version),
  extension: fc.record({ x: fc.constantFrom("1[ab]", "2[a]", "3[*]") }),
});

const what: fc.Arbitrary<Event["what"]> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("view" as const), content, tells: fc.constantFrom(0, 1, 3) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      type: fc.constantFrom(...envoyTypes),
      names: fc.subarray([...names, "x", "*"]),
      leave: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("answer" as const), error: fc.nat(9).map((one) => one === 0) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("judge" as const),
      verdict: fc.constantFrom("proven" as const, "alone" as const, "refused" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), milliseconds: fc.constantFrom(1, 5000, 31_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("sweep" as const) }) },
);

/** Mostly to all of them. */
const to = fc.oneof({ weight: 3, arbitrary: fc.constant(2 ** streams - 1) }, { weight: 1, arbitrary: fc.nat(15) });

/** One stream, as it goes with others and as it would go by itself. */
interface Pair {
  shared: Stream;
  alone: Stream;
  readonly unanswered: (StreamOutput & { kind: "send" })[];
  readonly questions: (StreamOutput & { kind: "ask" })[];
}

for (const protocol of ["delta", "sotw"] as const) {
  test(`streams that take their steps together say what each says by itself (${protocol})`, () => {
    fc.assert(
      fc.property(fc.array(fc.record({ to, what }), { maxLength: 40 }), (events) => play(protocol, events)),
      cases,
    );
  });
}

function play(protocol: StreamProtocol, events: readonly Event[]): void {
  const begun = createStream({ protocol, absent: absentResource, settings });
  const memo = createStepMemo([begun]);
  const viewFrom = createViewMaker();
  const pairs = Array.from(
    { length: streams },
    (): Pair => ({ shared: begun, alone: begun, unanswered: [], questions: [] }),
  );
  let now = 0;
  const give = (pair: Pair, input: StreamInput): void => {
    const together = memo.step(pair.shared, input);
    const alone = step(pair.alone, input);
    assert.deepEqual(together.outputs, alone.outputs);
    assert.equal(together.stream.wakeAt, alone.stream.wakeAt);
    pair.shared = together.stream;
    pair.alone = alone.stream;
    for (const output of alone.outputs) {
      if (output.kind === "send") pair.unanswered.push(output);
      if (output.kind === "ask") pair.questions.push(output);
    }
  };
  for (const event of events) {
    if (event.what.kind === "sweep") memo.sweep();
    if (event.what.kind === "pass") now += event.what.milliseconds;
    const inputs = inputsOf(event.what, { now, viewFrom });
    for (const [index, pair] of pairs.entries()) {
      if ((event.to & (1 << index)) !== 0) for (const input of inputs(pair)) give(pair, input);
    }
  }
}

function inputsOf(
  event: Event["what"],
  { now, viewFrom }: { readonly now: number; readonly viewFrom: ReturnType<typeof createViewMaker> },
): (pair: Pair) => readonly StreamInput[] {
  const nothing = { subscribe: [], unsubscribe: [], held: new Map(), nonce: "", error: undefined };
  switch (event.kind) {
    case "view": {
      const view = viewFrom(event.content, { ...plainShape, tells: event.tells });
      return () => [{ kind: "view", now, view }];
    }
    case "ask": {
      const { type, leave } = event;
      const change = leave ? { unsubscribe: event.names } : { subscribe: event.names };
      return () => [{ kind: "request", now, request: { ...nothing, type, ...change } }];
    }
    case "answer":
      return ({ unanswered }) => {
        const send = unanswered.shift();
        if (send === undefined) return [];
        const { type, nonce } = send;
        return [{ kind: "request", now, request: { ...nothing, type, nonce, error: event.error ? "bad" : undefined } }];
      };
    case "judge":
      return ({ questions }) => {
        const question = questions.shift();
        if (question === undefined) return [];
        const verdicts = question.names.map((one) => ({ ...one, verdict: event.verdict, message: "judged" }));
        return [{ kind: "verdicts", now, type: question.type, verdicts }];
      };
    case "pass":
      return () => [{ kind: "time", now }];
    case "sweep":
      return () => [];
  }
}
