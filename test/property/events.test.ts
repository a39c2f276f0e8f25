import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Envelope } from "../../shared/core/events/envelope.ts";
import { type MeshObject, objectKeyText } from "../../shared/core/object.ts";
import { stateOf } from "../support/build.ts";
import { type PublishingCluster, startPublishingCluster, trieOfObjects } from "../support/publishing-cluster.ts";
import { cases, clustersOf } from "./clusters.ts";

/** Each case signs, stores and compiles dozens of times. */
const few = { numRuns: Math.ceil(cases.numRuns / 10) };

const { cluster, object } = clustersOf({ places: ["a"], names: ["x", "y"], most: 3 });

/** What a publisher lives through. */
type Step =
  | { readonly kind: "apply"; readonly object: MeshObject }
  | { readonly kind: "delete"; readonly pick: number }
  | { readonly kind: "list" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: object.map((one) => applyOf(one)) },
  { weight: 2, arbitrary: fc.nat().map((pick) => ({ kind: "delete", pick }) as const) },
  { weight: 1, arbitrary: fc.constant({ kind: "list" } as const) },
);

function applyOf(one: Parameters<typeof stateOf>[0][number]): Step {
  const [first] = stateOf([one]);
  return first === undefined ? { kind: "list" } : { kind: "apply", object: first };
}

/** Where a hub or an old publisher repeats itself: before message `at` come again the `count` messages from `from` on, if those were sent before. */
const repeat = fc.record({ at: fc.nat(), from: fc.nat(), count: fc.integer({ min: 1, max: 8 }) });

interface History {
  readonly messages: readonly Envelope[];
  readonly end: readonly MeshObject[];
}

/** One epoch after the other, each opened by a whole list, with live changes behind it. */
function historyOf(publisher: PublishingCluster, first: readonly MeshObject[], steps: readonly Step[]): History {
  const objects = new Map(first.map((one) => [objectKeyText(one.key), one]));
  let position = { epoch: 0, seq: 0 };
  const messages: Envelope[] = [];
  const list = (): void => {
    const envelopes = publisher.list(position.epoch + 1, [...objects.values()]);
    position = { epoch: position.epoch + 1, seq: envelopes.length };
    messages.push(...envelopes);
  };
  list();
  for (const one of steps) {
    const victim = one.kind === "delete" ? [...objects.values()][one.pick % Math.max(1, objects.size)] : undefined;
    if (one.kind === "list") list();
    else if (one.kind === "apply") {
      position = { ...position, seq: position.seq + 1 };
      messages.push(publisher.applied(position, one.object));
      objects.set(objectKeyText(one.object.key), one.object);
    } else if (victim !== undefined) {
      position = { ...position, seq: position.seq + 1 };
      messages.push(publisher.deleted(position, victim));
      objects.delete(objectKeyText(victim.key));
    }
  }
  return { messages, end: [...objects.values()] };
}

function withRepeats(
  messages: readonly Envelope[],
  repeats: readonly { readonly at: number; readonly from: number; readonly count: number }[],
): readonly Envelope[] {
  return messages.flatMap((message, index) => {
    const again = repeats
      .filter(({ at }) => at % messages.length === index)
      .flatMap(({ from, count }) =>
        messages.slice(0, index).slice(from % Math.max(1, index), (from % Math.max(1, index)) + count),
      );
    return [...again, message];
  });
}

function inBatches(messages: readonly Envelope[], sizes: readonly number[]): readonly (readonly Envelope[])[] {
  const batches: (readonly Envelope[])[] = [];
  for (let from = 0, turn = 0; from < messages.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    batches.push(messages.slice(from, from + size));
    from += size;
  }
  return batches;
}

const batchSizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 });
const history = fc.record({
  first: cluster,
  steps: fc.array(step, { maxLength: 12 }),
  repeats: fc.array(repeat, { maxLength: 4 }),
  sizes: batchSizes,
});

test("repeated, late and older-epoch messages of a history change nothing: state, snapshot and wishes are those of the history alone", async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ first, steps, repeats, sizes }) => {
      const cluster = await startPublishingCluster();
      const { messages, end } = historyOf(cluster, first, steps);
      for (const batch of inBatches(withRepeats(messages, repeats), sizes)) await cluster.functions.ingestEvents(batch);
      const head = await cluster.head();
      assert.equal(head.state, trieOfObjects(end).root);
      assert.equal(head.served?.state, head.state);
      assert.equal(head.want, undefined);
      assert.equal(head.staged, undefined);
      const alone = await startPublishingCluster();
      await alone.functions.ingestEvents(alone.list(1, end));
      assert.equal(head.served.root, (await alone.head()).served?.root);
    }),
    few,
  );
});

test("whatever is lost, the head asks for a list, serves no half of one, and a list mends it", async () => {
  const lossy = fc.record({ history, lost: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }) });
  await fc.assert(
    fc.asyncProperty(lossy, async ({ history: { first, steps, sizes }, lost }) => {
      const cluster = await startPublishingCluster();
      const { messages, end } = historyOf(cluster, first, steps);
      const gone = new Set(lost.map((index) => index % messages.length));
      const arrived = messages.filter((_, index) => !gone.has(index));
      const served = new Set<string>();
      for (const batch of inBatches(arrived, sizes)) {
        await cluster.functions.ingestEvents(batch);
        const { served: inForce } = await cluster.head();
        if (inForce !== undefined) served.add(inForce.state);
      }
      const truths = statesOf(cluster, first, steps);
      for (const state of served) assert.ok(truths.has(state), "a state was served that the cluster never had");
      const head = await cluster.head();
      if (head.state !== trieOfObjects(end).root && !gone.has(messages.length - 1))
        assert.notEqual(head.want, undefined);
      await cluster.functions.ingestEvents(cluster.list(head.applied.epoch + 100, end));
      const mended = await cluster.head();
      assert.deepEqual([mended.state, mended.want], [trieOfObjects(end).root, undefined]);
      assert.equal(mended.served?.state, mended.state);
    }),
    few,
  );
});

/** Every state that the cluster was in. */
function statesOf(
  publisher: PublishingCluster,
  first: readonly MeshObject[],
  steps: readonly Step[],
): ReadonlySet<string> {
  return new Set(
    steps.reduce<readonly string[]>(
      (states, _, index) => [...states, trieOfObjects(historyOf(publisher, first, steps.slice(0, index + 1)).end).root],
      [trieOfObjects([]).root, trieOfObjects(first).root],
    ),
  );
}
