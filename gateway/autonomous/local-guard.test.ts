import assert from "node:assert/strict";
import { test } from "node:test";
import { translatorVersion } from "../../shared/core/compile.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { trieOf } from "../../shared/core/trie/trie.ts";
import {
  httpRouteGroup,
  type KubernetesObject,
  meshConfig,
  namespace,
  pod,
  service,
  stateOf,
  trafficTarget,
} from "../../test/support/build.ts";
import { snapshotOf } from "../fast/fast-fixture.ts";
import { createLocalGuard } from "./local-guard.ts";

const settings = { version: 0, policyVersion: 0, build: { smiSemantics: "osm" } } as const;
const frame = [
  namespace("shop"),
  meshConfig({ permissive: true, egress: false }),
  httpRouteGroup("shop/all", [{ name: "any" }]),
  pod("shop/web"),
];
const services = (count: number) =>
  Array.from({ length: count }, (_, index) => service(`shop/s${index}`, { ports: [80] }));
const targets = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    trafficTarget(`shop/t${index}`, {
      to: "web",
      from: [`shop/c${index}`],
      rules: [{ kind: "HTTPRouteGroup", name: "all", matches: ["any"] }],
    }),
  );
const stateWith = (objects: readonly KubernetesObject[]) => trieOf(stateOf([...frame, ...objects]).map(stateEntry));

function judge(
  guard: ReturnType<typeof createLocalGuard>,
  before: readonly KubernetesObject[],
  own: readonly KubernetesObject[],
  outage = "t0",
) {
  const inForce = snapshotOf(4, [...frame, ...before]);
  return guard.judge({ inForce, before: stateWith(before), own: stateWith(own), settings, outage });
}

test("it holds what the guard of the cloud holds, and no more", () => {
  const guard = createLocalGuard();
  assert.match(judge(guard, services(6), services(2))?.why ?? "", /list lacks 4 of 6 Service/);
  assert.equal(judge(guard, services(6), services(3)), undefined, "half of a kind");
  assert.equal(judge(guard, targets(6), targets(5)), undefined, "one grant");
  assert.equal(judge(guard, targets(6), []), undefined, "grants, whose absence narrows access");
});

test("deletions that were seen explain what is missing, until the object is back", () => {
  const guard = createLocalGuard();
  guard.note(stateWith(services(6)), stateWith(services(2)), () => true);
  assert.equal(judge(guard, services(6), services(2)), undefined);
  guard.note(stateWith(services(2)), stateWith(services(6)), () => false);
  guard.note(stateWith(services(6)), stateWith(services(2)), () => false);
  assert.ok(judge(guard, services(6), services(2)));
});

test("an id names what is missing in this outage", () => {
  const guard = createLocalGuard();
  const id = judge(guard, services(6), services(2))?.id;
  assert.equal(judge(createLocalGuard(), services(6), services(2))?.id, id, "on every replica");
  assert.notEqual(judge(guard, services(6), services(1))?.id, id);
  assert.notEqual(judge(guard, services(6), services(2), "t1")?.id, id);
});

test("what this program's translator would lose of a snapshot of another one is held", () => {
  const guard = createLocalGuard();
  const before = stateWith(services(6));
  const rich = snapshotOf(4, [...frame, ...services(6)]);
  const compileOf = (translator: number, state: typeof before) =>
    guard.judge({
      inForce: { ...rich, served: { ...rich.served, translator } },
      before: state,
      own: state,
      settings,
      outage: "t0",
    });
  assert.equal(compileOf(translatorVersion - 1, before), undefined, "it loses nothing");
  assert.match(compileOf(translatorVersion - 1, stateWith([]))?.why ?? "", /translator or fleet policy loses/);
});
