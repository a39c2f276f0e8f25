import assert from "node:assert/strict";
import { test } from "node:test";
import {
  httpRouteGroup,
  type KubernetesObject,
  meshConfig,
  namespace,
  pod,
  service,
  stateOf,
  trafficTarget,
} from "../../../test/support/build.ts";
import { compile } from "../compile.ts";
import { stateEntry } from "../state/cluster-state.ts";
import { type Trie, trieOf } from "../trie/trie.ts";
import { lostResources, missingFromList } from "./mass-withdrawal.ts";

const services = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    service(`shop/s${index}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }] }),
  );
const targets = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    trafficTarget(`shop/t${index}`, {
      to: `s${index}`,
      from: ["shop/web"],
      rules: [{ kind: "HTTPRouteGroup", name: "all", matches: ["any"] }],
    }),
  );
const pods = (count: number) => Array.from({ length: count }, (_, index) => pod(`shop/s${index}`));

function state(objects: readonly KubernetesObject[]): Trie {
  return trieOf(stateOf(objects).map(stateEntry));
}

test("a list that lacks more than half of a kind, and at least three, is a mass withdrawal", () => {
  assert.deepEqual(missingFromList(state(services(6)), state(services(2))), [{ kind: "/Service", missing: 4, of: 6 }]);
  assert.deepEqual(missingFromList(state([namespace("shop"), ...services(3)]), state([])), [
    { kind: "/Service", missing: 3, of: 3 },
  ]);
});

test("what somebody said was deleted does not count", () => {
  const [before, after] = [state(services(6)), state(services(1))];
  assert.deepEqual(missingFromList(before, after, { "/Service": 1 }), [{ kind: "/Service", missing: 4, of: 6 }]);
  assert.deepEqual(missingFromList(before, after, { "/Service": 2, "/Namespace": 9 }), []);
});

for (const [name, before, after] of [
  ["half of a kind", services(6), services(3)],
  ["two of two", services(2), []],
  [
    "an edit of all",
    services(4),
    services(4).map((one) => ({ ...one, spec: { ...(one["spec"] as object), ports: [] } })),
  ],
  ["grants, whose absence narrows access", targets(5), []],
  ["classes, which go with their pods", pods(5), []],
] as const)
  test(`${name}: no mass withdrawal`, () => assert.deepEqual(missingFromList(state(before), state(after)), []));

const shop = (permissive: boolean, parts: readonly KubernetesObject[]) =>
  compile({
    objects: stateOf([
      namespace("shop"),
      meshConfig({ permissive, egress: false }),
      httpRouteGroup("shop/all", [{ name: "any" }]),
      pod("shop/web"),
      ...pods(5),
      ...parts,
    ]),
    settings: { smiSemantics: "osm" },
  });

test("what the same objects give no more is lost, where somebody may still dial it", () => {
  const before = shop(true, services(5));
  assert.deepEqual(lostResources(before.snapshot, before), []);
  const lost = lostResources(before.snapshot, shop(true, services(1)));
  assert.ok(
    lost.some(({ kind, missing }) => kind === "listener" && missing >= 4),
    JSON.stringify(lost),
  );
  assert.ok(lost.some(({ kind }) => kind === "cluster"));
});

test("what nobody may dial any more is not lost: that narrows access", () => {
  const before = shop(false, [...services(5), ...targets(5)]);
  assert.deepEqual(lostResources(before.snapshot, shop(false, services(5))), []);
});
