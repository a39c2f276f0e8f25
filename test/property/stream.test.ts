import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contentHash } from "../../shared/core/canonical.ts";
import { absentResource, type ViewContent } from "../../shared/core/stream/stream-fixture.ts";
import { type EnvoyType, envoyTypes } from "../../shared/core/xds/resource.ts";
import {
  createProxyModel,
  isByName,
  judge,
  limits,
  type ProxyModel,
  passTime,
  reconnect,
  serveView,
  takeMessage,
  trespassers,
  withhold,
} from "./proxy-model.ts";
import { createViewMaker, plainShape, type ViewShape } from "./stream-views.ts";

const cases = { numRuns: Number(process.env["WEFT_CASES"] ?? 500) };

/** Mostly proven, sometimes not, sometimes refused by the proxy. */
const version = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("1", "2", "3") },
  { weight: 3, arbitrary: fc.constantFrom("4?", "5?") },
  { weight: 1, arbitrary: fc.constantFrom("6!?", "7!") },
);

const valid = fc.constantFrom("1", "2", "3?");

/** Of policies that are asked when a connection opens: whom they let in. */
const peers = fc.constantFrom("[*]", "[abc]", "[ab]", "[a]", "[b]", "[]");
/** Of listeners: the policies that they ask. */
const guards = fc.constantFrom("", "(x)", "(s)", "(xs)");

/** What is said in addition stands before the marks at the end of a version. */
function extended(base: fc.Arbitrary<string>, addition: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(base, addition).map(([one, more]) => one.replace(/[?!]*$/, (marks) => more + marks));
}

/** Any of these members may be missing. */
function withSome(members: Record<string, fc.Arbitrary<string>>): fc.Arbitrary<Record<string, string>> {
  return fc.record(members, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>;
}

const names = ["a", "b", "c", "d"];

/** Views are closed: every listener has its route and its policies, and both name clusters that are there. Endpoints may be withdrawn. */
const content = fc
  .dictionary(fc.constantFrom(...names), version, { minKeys: 1 })
  .chain((cluster) => {
    const referrer = fc
      .tuple(version, fc.constantFrom(...Object.keys(cluster)))
      .map(([own, target]) => `${own.replace("?", "")}>${target}${own.includes("?") ? "?" : ""}`);
    return fc.record({
      cluster: fc.constant(cluster),
      endpoint: withSome(Object.fromEntries(Object.keys(cluster).map((name) => [name, valid]))),
      listeners: fc.dictionary(fc.constantFrom("l", "m"), fc.tuple(extended(referrer, guards), referrer)),
      secret: withSome({ s: extended(valid, peers) }),
      extension: withSome({ x: extended(version, peers) }),
    });
  })
  .map(({ listeners, ...rest }): ViewContent => {
    const pick = (index: 0 | 1) =>
      Object.fromEntries(Object.entries(listeners).map(([name, pair]) => [name, withoutMissing(pair[index], rest)]));
    return { ...rest, listener: pick(0), route: pick(1) };
  });

/** A listener asks only policies that there are. */
function withoutMissing(
  listener: string,
  { secret, extension }: Required<Pick<ViewContent, "secret" | "extension">>,
): string {
  const policies: ViewContent["secret"] = { ...secret, ...extension };
  return listener.replace(/\((.*)\)/, (_, asked: string) => {
    const there = asked.split("").filter((policy) => policies[policy] !== undefined);
    return there.length === 0 ? "" : `(${there.join("")})`;
  });
}

const shape: fc.Arbitrary<ViewShape> = fc.record({
  tells: fc.constantFrom(0, 1, 3, 100),
  tellsMore: fc.boolean(),
  layered: fc.boolean(),
  anew: fc.boolean(),
});

/** So many that their names are worth sharing, in views where they are. */
const crowd = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`e${index}`, "1"]));

function withCrowd(content: ViewContent, isThere: boolean): ViewContent {
  if (!isThere) return content;
  return { ...content, cluster: { ...crowd, ...content.cluster }, endpoint: { ...crowd, ...content.endpoint } };
}

type Action =
  | { readonly kind: "view"; readonly content: ViewContent; readonly shape: ViewShape }
  | { readonly kind: "take"; readonly messages: number }
  | { readonly kind: "pass"; readonly milliseconds: number }
  | { readonly kind: "withhold"; readonly on: boolean }
  | { readonly kind: "judge"; readonly wish: "proven" | "alone" | "refused" }
  | { readonly kind: "reconnect" };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(content, shape, fc.boolean())
      .map(([one, given, crowded]) => ({ kind: "view" as const, content: withCrowd(one, crowded), shape: given })),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("take" as const), messages: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), milliseconds: fc.constantFrom(1, 1000, 5000, 31_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("withhold" as const), on: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("judge" as const),
      wish: fc.constantFrom("proven" as const, "alone" as const, "refused" as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "reconnect" as const }) },
);

test("any interleaving of views, answers, verdicts, time and reconnects ends with the last view, removes nothing that is in use, ends the connections of whoever lost a grant, and then sends nothing to whoever has it all", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const model = createProxyModel();
      const viewFrom = createViewMaker();
      const contents = [{}, ...actions.flatMap((one) => (one.kind === "view" ? [one.content] : []))];
      serveView(model, viewFrom({}, plainShape));
      for (const one of actions) {
        if (one.kind === "view") serveView(model, viewFrom(one.content, one.shape));
        else if (one.kind === "take") for (let count = 0; count < one.messages; count++) takeMessage(model);
        else if (one.kind === "pass") passTime(model, one.milliseconds);
        else if (one.kind === "withhold") withhold(model, one.on);
        else if (one.kind === "judge") judge(model, one.wish);
        else reconnect(model);
      }
      comeToRest(model);
      assert.deepEqual(model.faults, []);
      const last = contents.at(-1) ?? {};
      const hasAll = checkHolds(model, last);
      for (const anew of [false, true]) {
        serveView(model, viewFrom(last, { ...plainShape, anew }));
        assert.deepEqual(model.messages, [], "a view with nothing new");
      }
      if (hasAll) checkReconnect(model);
    }),
    cases,
  );
});

/** Whoever brings what the view has is sent nothing, but for the first word about what it asks all of. */
function checkReconnect(model: ProxyModel): void {
  reconnect(model);
  const sent = model.messages.flatMap(({ resources }) => resources.map(({ name }) => name));
  assert.deepEqual(sent, [], "what a proxy brings is sent again");
  comeToRest(model);
  assert.deepEqual(model.faults, []);
}

/** All messages are taken and all waits are over. */
function comeToRest(model: ProxyModel): void {
  withhold(model, false);
  for (let rounds = 0; rounds < 20; rounds++) {
    for (let taken = 0; model.messages.length + model.questions.length > 0; taken++) {
      assert.ok(taken < 1000, "messages without end");
      if (model.messages.length > 0) takeMessage(model);
      else judge(model, taken % 2 === 0 ? "alone" : "proven");
    }
    passTime(model, limits.drainMs);
  }
  assert.deepEqual(model.messages, [], "something is still sent after minutes of rest");
}

/** Returns whether nothing of the view is refused. */
function checkHolds(model: ProxyModel, last: ViewContent): boolean {
  let refused = false;
  for (const type of envoyTypes) {
    const wanted = new Map(Object.entries(last[type] ?? {}));
    const byName = isByName(type);
    for (const name of byName ? model.subscribed[type] : []) {
      if (wanted.has(name) || mayStay(type, last)) continue;
      const body = absentResource(type, name);
      if (body !== "removed") wanted.set(name, contentHash(body));
    }
    for (const [name, wantedVersion] of wanted) {
      if (byName && !model.subscribed[type].has(name)) continue;
      if (wantedVersion.includes("!")) refused = true;
      else assert.equal(withoutMark(model.acknowledged[type].get(name), last), wantedVersion, `${type} ${name}`);
    }
    for (const name of model.acknowledged[type].keys()) {
      if (!mayStay(type, last)) assert.ok(wanted.has(name), `${type} ${name} is left over`);
    }
  }
  if (!refused) assert.deepEqual(trespassers(model), [], "connections that no policy allows");
  assert.equal(model.stream.settled === model.view?.generation, !refused, "settled");
  return !refused;
}

/** As long as the proxy refuses a listener with a chain to be renamed, or a policy, a version stays marked and other chains renamed. */
function withoutMark(acknowledged: string | undefined, last: ViewContent): string | undefined {
  const isRefused = Object.values({ ...last.listener, ...last.extension }).some((one) => one.includes("!"));
  return isRefused ? acknowledged?.replace(/~|\{.*\}/, "") : acknowledged;
}

/** Clusters and routes stay as long as the proxy stays on a listener or route that may name them. */
function mayStay(type: EnvoyType, last: ViewContent): boolean {
  const referrers = [...Object.values(last.listener ?? {}), ...Object.values(last.route ?? {})];
  return (type === "cluster" || type === "route" || type === "endpoint") && referrers.some((one) => one.includes("!"));
}
