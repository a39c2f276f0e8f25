import assert from "node:assert/strict";
import { test } from "node:test";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { type Trie, trieOf } from "../../shared/core/trie/trie.ts";
import type { Head } from "../../shared/store/documents.ts";
import { meshConfig, namespace, pod, service, stateOf } from "../../test/support/build.ts";
import { createManualClock } from "../../test/support/manual-clock.ts";
import { snapshotOf } from "../fast/fast-fixture.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import { createLocalGuard, type LocalHold } from "./local-guard.ts";
import type { ModeNote } from "./mode-note.ts";
import { createServedSource, type ServedLocally } from "./served-source.ts";

const settings = { version: 0, policyVersion: 0, build: { smiSemantics: "osm" } } as const;
const autonomous: ModeNote = { mode: "autonomous", since: "", floor: undefined };

function shop(port: number) {
  const objects = [
    namespace("shop"),
    meshConfig({ permissive: true, egress: false }),
    service("shop/cart", { ports: [{ port, targetPort: 8080, name: "http" }] }),
    pod("shop/cart"),
  ];
  return { objects, state: trieOf(stateOf(objects).map(stateEntry)) };
}

/** A shop with so many Services beside it. */
function wideShop(services: number) {
  const { objects } = shop(1);
  const more = Array.from({ length: services }, (_, index) => service(`shop/s${index}`, { ports: [80] }));
  const all = [...objects, ...more];
  return { objects: all, state: trieOf(stateOf(all).map(stateEntry)) };
}

function start() {
  const clock = createManualClock(0);
  const states = [shop(1), shop(2), wideShop(6)].map(({ state }) => state);
  const guard = createLocalGuard();
  const world = {
    note: undefined as ModeNote | undefined,
    head: undefined as Head | undefined,
    objects: shop(1).state as Trie,
    settings: Promise.resolve(settings) as Promise<typeof settings>,
    guard,
    released: undefined as string | undefined,
    holds: [] as (LocalHold | undefined)[],
    served: [] as ServedSnapshot[],
    kept: [] as (string | undefined)[],
    facts: [] as ServedLocally[],
    faults: [] as unknown[],
    clock,
    rest: () => new Promise((resolve) => setImmediate(resolve)),
  };
  const source = createServedSource({
    note: () => world.note,
    isNoted: () => true,
    head: () => world.head,
    objects: () => world.objects,
    settingsFor: () => world.settings,
    stateOf: async (root) => states.find((state) => state.root === root) ?? Promise.reject(new Error("not kept")),
    guard,
    released: () => world.released,
    onHold: (hold) => world.holds.push(hold),
    serve: (snapshot) => world.served.push(snapshot),
    keepLocal: (local) => world.kept.push(local?.snapshot.served.state),
    problems: () => undefined,
    onServedLocally: (fact) => world.facts.push(fact),
    clock,
    fault: (error) => world.faults.push(error),
  });
  return Object.assign(world, { source });
}

test("own changes are compiled while autonomous, with the bytes that the cloud would make; what is equal is shared", async () => {
  const world = start();
  const cloud = snapshotOf(4, shop(1).objects);
  world.source.fromCloud(cloud);
  await world.source.begin();
  world.objects = shop(2).state;
  world.source.look();
  await world.rest();
  assert.deepEqual(world.served, [cloud], "not while following");
  world.note = autonomous;
  world.source.look();
  await world.rest();
  const [, local] = world.served;
  const theirs = snapshotOf(5, shop(2).objects);
  assert.ok(local && world.source.servesLocal());
  assert.deepEqual([local.version, local.served], [4, theirs.served]);
  assert.deepEqual([...local.resources.keys()].sort(), [...theirs.resources.keys()].sort());
  for (const [version, resource] of local.resources)
    if (cloud.resources.has(version)) assert.equal(resource, cloud.resources.get(version));

  world.source.fromCloud(theirs);
  assert.equal(world.source.current(), theirs, "the cloud's, once it holds the own state");
  assert.deepEqual(world.kept, [shop(2).state.root, undefined]);
  assert.deepEqual(
    world.facts.map(({ root, state }) => ({ root, state })),
    [{ root: theirs.served.root, state: theirs.served.state }],
  );
});

test("a compile is not begun again before a while has passed, and is then of what there is", async () => {
  const world = start();
  world.source.fromCloud(snapshotOf(4, shop(1).objects));
  world.note = autonomous;
  world.objects = shop(2).state;
  await world.source.begin();
  for (const port of [3, 4, 5]) {
    world.objects = shop(port).state;
    world.source.look();
    await world.rest();
  }
  assert.equal(world.served.length, 2);
  world.clock.pass(500);
  await world.rest();
  assert.deepEqual(
    world.served.slice(1).map(({ served }) => served.state),
    [shop(2).state.root, shop(5).state.root],
  );
});

test("without settings of the cloud, and while it is pinned, the last known good stays", async () => {
  const world = start();
  const cloud = snapshotOf(4, shop(1).objects);
  world.settings = Promise.reject(new Error("nobody told"));
  world.settings.catch(() => undefined);
  world.source.fromCloud(cloud);
  world.note = autonomous;
  world.objects = shop(2).state;
  await world.source.begin();
  assert.deepEqual([world.served, world.faults.length], [[cloud], 1]);
  world.settings = Promise.resolve(settings);
  world.clock.pass(500);
  await world.rest();
  assert.equal(world.served.length, 2);
  world.head = { pin: { kind: "rollback" } } as unknown as Head;
  world.source.look();
  assert.equal(world.source.current(), cloud);
});

test("what was compiled here before a restart is served at once, and until there is better", async () => {
  const world = start();
  const local = snapshotOf(4, shop(2).objects);
  world.source.restore(local);
  world.note = autonomous;
  world.source.fromCloud(snapshotOf(4, shop(1).objects));
  assert.deepEqual(world.served, [local]);
  world.objects = shop(2).state;
  await world.source.begin();
  assert.deepEqual(world.served, [local], "it is compiled already");
});

test("a list that lacks most Services is held until they are back; what else changes waits with it", async () => {
  const world = start();
  const cloud = snapshotOf(4, wideShop(6).objects);
  world.note = autonomous;
  world.objects = wideShop(6).state;
  world.source.fromCloud(cloud);
  await world.source.begin();
  world.objects = wideShop(1).state;
  world.source.look();
  await world.rest();
  assert.match(world.source.held()?.why ?? "", /lacks 5 of 7 Service/);
  world.clock.pass(500);
  world.source.look();
  await world.rest();
  assert.deepEqual([world.served, world.holds.length, world.faults], [[cloud], 1, []], "it is told once");
  world.objects = wideShop(5).state;
  world.clock.pass(500);
  world.source.look();
  await world.rest();
  assert.equal(world.source.current()?.served.state, wideShop(5).state.root, "one of them may go");
  assert.deepEqual([world.source.held(), world.holds.at(-1)], [undefined, undefined]);
});

test("a hold ends when a person releases it, and when the cloud holds the own state or a pin", async () => {
  const world = start();
  const cloud = snapshotOf(4, wideShop(6).objects);
  world.note = autonomous;
  world.objects = wideShop(1).state;
  world.source.fromCloud(cloud);
  await world.source.begin();
  const id = world.source.held()?.id;
  assert.ok(id);
  world.head = { pin: { kind: "freeze" } } as unknown as Head;
  world.source.look();
  assert.equal(world.source.held(), undefined, "a pin binds instead");
  world.head = undefined;
  world.clock.pass(500);
  world.source.look();
  await world.rest();
  assert.equal(world.source.held()?.id, id, "the same names the same");
  world.released = "another";
  world.source.look();
  await world.rest();
  assert.deepEqual(world.served, [cloud]);
  world.released = id;
  world.clock.pass(500);
  world.source.look();
  await world.rest();
  assert.equal(world.source.held(), undefined);
  assert.equal(world.source.current()?.served.state, wideShop(1).state.root);
});

test("what somebody deleted while the gateway looked is no reason to hold", async () => {
  const world = start();
  world.note = autonomous;
  world.objects = wideShop(6).state;
  world.source.fromCloud(snapshotOf(4, wideShop(6).objects));
  await world.source.begin();
  world.guard.note(wideShop(6).state, wideShop(1).state, () => true);
  world.objects = wideShop(1).state;
  world.source.look();
  await world.rest();
  assert.equal(world.source.current()?.served.state, wideShop(1).state.root);
});

test("a state that cannot be had is not judged, so the last known good stays", async () => {
  const world = start();
  const cloud = snapshotOf(4, wideShop(5).objects);
  world.note = autonomous;
  world.objects = wideShop(1).state;
  world.source.fromCloud(cloud);
  await world.source.begin();
  assert.deepEqual([world.served, world.faults.length], [[cloud], 1]);
});
