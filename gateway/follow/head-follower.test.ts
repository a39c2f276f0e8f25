import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createMemoryDocumentStore } from "../../shared/adapters/memory/document-store.ts";
import { compile, translatorVersion } from "../../shared/core/compile.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import { versionsOf } from "../../shared/core/snapshot/snapshot.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { emptyTrie, trieOf } from "../../shared/core/trie/trie.ts";
import type { Container, DocumentStore } from "../../shared/ports/document-store.ts";
import type { HubTailHandlers } from "../../shared/ports/event-hub.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { createBlockStore } from "../../shared/store/block-store.ts";
import { blockPartition, type Head } from "../../shared/store/documents.ts";
import { meshConfig, namespace, pod, service, stateOf } from "../../test/support/build.ts";
import { type FollowerEvent, type ServedSnapshot, startHeadFollower } from "./head-follower.ts";

const cluster = "one";

function shop(port: number): readonly MeshObject[] {
  return stateOf([
    namespace("shop"),
    meshConfig({ permissive: true, egress: false }),
    service("shop/cart", { ports: [{ port, targetPort: 8080, name: "http" }] }),
    pod("shop/cart"),
  ]);
}

function compiled(objects: ReturnType<typeof shop>) {
  return compile({ objects, settings: { smiSemantics: "osm" } }).snapshot;
}

/** Compiles and stores, as the functions do, and returns the head that names it. */
async function publish(documents: DocumentStore, version: number, objects = shop(version)): Promise<Head> {
  const blocks = createBlockStore(documents, cluster);
  const state = trieOf(objects.map(stateEntry));
  const snapshot = compiled(objects);
  await blocks.putTrie(state);
  await blocks.putSnapshot(snapshot);
  await blocks.putResources(snapshot.resources.values());
  return {
    incarnation: "first",
    version,
    applied: { epoch: 1, seq: version },
    state: state.root,
    served: {
      root: snapshot.index.root,
      state: state.root,
      policyVersion: 0,
      settingsVersion: 0,
      translator: translatorVersion,
    },
    refused: { count: 0, newest: [] },
    writeId: "w",
    sweepFloor: 0,
  };
}

/** A follower over a head that a test sets, and a store some of whose documents it hides or spoils. */
async function follow(
  t: TestContext,
  documents: DocumentStore,
  first?: Head,
  kept?: { readonly snapshot?: ServedSnapshot | undefined; readonly silent?: true; readonly fault?: Error },
) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const spoiled = new Map<string, object | undefined>();
  let tail: HubTailHandlers | undefined;
  const world = {
    head: first,
    fault: kept?.fault,
    answers: kept?.silent && Promise.withResolvers<void>(),
    reads: 0,
    served: [] as ServedSnapshot[],
    log: [] as FollowerEvent[],
    spoiled,
    tell: (message: unknown) => tail?.message(message),
    async rest() {
      for (let round = 0; round < 30; round++) await new Promise((resolve) => setImmediate(resolve));
    },
    async pass(milliseconds: number) {
      t.mock.timers.tick(milliseconds);
      await world.rest();
    },
    versions: () => world.served.map(({ version }) => version),
  };
  const follower = startHeadFollower({
    mesh: "weft",
    cluster,
    async readHead() {
      world.reads++;
      await world.answers?.promise;
      if (world.fault !== undefined) throw world.fault;
      return world.head;
    },
    blocks: createBlockStore(
      {
        ...documents,
        async get<Body>(container: Container, partition: string, id: string) {
          const spoil = spoiled.has(id) ? spoiled.get(id) : null;
          if (spoil === null) return documents.get<Body>(container, partition, id);
          return spoil === undefined ? undefined : { body: spoil as Body, etag: "" };
        },
      },
      cluster,
    ),
    openTail(handlers) {
      tail = handlers;
      return { [Symbol.asyncDispose]: async () => undefined };
    },
    readInterval: 5000,
    ...(kept && { kept: { last: () => Promise.resolve(kept.snapshot), patience: 3000 } }),
    onSnapshot: (snapshot) => world.served.push(snapshot),
    log: (event) => world.log.push(event),
  });
  t.after(() => {
    world.answers?.resolve();
    return follower[Symbol.asyncDispose]();
  });
  await world.rest();
  return Object.assign(world, { follower });
}

function pointer({ version, incarnation, served }: Head): object {
  return { mesh: "weft", cluster, incarnation, version, root: served?.root };
}

test("a snapshot is taken whole; the next one reuses what it shares", async (t) => {
  const documents = createMemoryDocumentStore();
  const world = await follow(t, documents, await publish(documents, 1));
  assert.deepEqual(world.versions(), [1]);
  const one = world.follower.current();
  world.head = await publish(documents, 2);
  await world.pass(6000);
  const two = world.follower.current();
  assert.deepEqual(world.versions(), [1, 2]);
  const followed = world.log.at(-1) as FollowerEvent & { readonly kind: "followed" };
  assert.ok(followed.loaded > 0 && followed.loaded < followed.resources);
  for (const [version, resource] of two?.resources ?? [])
    if (one?.resources.has(version)) assert.equal(resource, one.resources.get(version));
});

test("the slow read alone is enough, within its interval and a fifth", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const documents = createMemoryDocumentStore();
  const world = await follow(t, documents, await publish(documents, 1));
  world.head = await publish(documents, 2);
  await world.pass(5999);
  assert.deepEqual(world.versions(), [1]);
  await world.pass(2);
  assert.deepEqual(world.versions(), [1, 2]);
});

test("a pointer wakes it at once; what is no pointer for this cluster, or an old one, does not", async (t) => {
  const documents = createMemoryDocumentStore();
  const world = await follow(t, documents, await publish(documents, 3));
  const { reads } = world;
  const newer = await publish(documents, 4);
  for (const message of [
    null,
    "text",
    {},
    { ...pointer(newer), cluster: "two" },
    { ...pointer(newer), mesh: "other" },
    { ...pointer(newer), version: "4" },
    { ...pointer(newer), version: 3 },
  ])
    world.tell(message);
  await world.rest();
  assert.equal(world.reads, reads);
  world.head = newer;
  world.tell(pointer(newer));
  await world.rest();
  assert.deepEqual(world.versions(), [3, 4]);
});

test("a pointer that is quicker than a lagging replica of the head is followed without waiting for the slow read", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const documents = createMemoryDocumentStore();
  const world = await follow(t, documents, await publish(documents, 1));
  const newer = await publish(documents, 2);
  world.tell(pointer(newer));
  await world.rest();
  assert.deepEqual(world.versions(), [1]);
  world.head = newer;
  await world.pass(100);
  assert.deepEqual(world.versions(), [1, 2]);
});

test("a pointer to a version that never comes does not keep it reading for ever", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const documents = createMemoryDocumentStore();
  const world = await follow(t, documents, await publish(documents, 1));
  world.tell({ ...pointer(world.head as Head), version: 900 });
  for (let second = 0; second < 60; second++) await world.pass(1000);
  const { reads } = world;
  for (let second = 0; second < 60; second++) await world.pass(1000);
  assert.equal(world.reads - reads, 10);
});

for (const { name, spoil } of [
  { name: "missing", spoil: undefined },
  { name: "damaged", spoil: { texts: ['{"entries":[]}'], body: "" } },
]) {
  for (const what of ["index block", "resource"] as const) {
    test(`a ${name} ${what}: nothing of the snapshot is served, and it is tried again soon`, async (t) => {
      t.mock.method(Math, "random", () => 1);
      const documents = createMemoryDocumentStore();
      const world = await follow(t, documents, await publish(documents, 1));
      const newer = await publish(documents, 2);
      const versions = [1, 2].map((port) => versionsOf(compiled(shop(port)).index));
      const added = [...(versions[1] ?? [])].find((version) => !versions[0]?.has(version));
      const id = what === "index block" ? newer.served?.root : `resource:${added}`;
      assert.ok(id);
      world.spoiled.set(id, spoil);
      world.head = newer;
      world.tell(pointer(newer));
      await world.rest();
      assert.deepEqual([world.versions(), world.log.at(-1)?.kind], [[1], "fault"]);
      assert.equal(world.follower.current()?.version, 1);
      world.spoiled.clear();
      await world.pass(100);
      assert.deepEqual(world.versions(), [1, 2]);
    });
  }
}

test("a head that cannot be read is a fault, and the snapshot in force stays", async (t) => {
  const documents = createMemoryDocumentStore();
  const world = await follow(t, documents, await publish(documents, 1));
  world.fault = new MeshError("unavailable", "the cloud is away");
  await world.pass(6000);
  assert.deepEqual(world.log.at(-1), { kind: "fault", message: "the cloud is away" });
  assert.equal(world.follower.current()?.version, 1);
});

test("a lower version or another incarnation is not followed; told once, when it was read twice", async (t) => {
  const documents = createMemoryDocumentStore();
  const current = await publish(documents, 5);
  const world = await follow(t, documents, current);
  for (const head of [await publish(documents, 4), { ...(await publish(documents, 9)), incarnation: "second" }]) {
    world.log.length = 0;
    world.head = head;
    await world.pass(6000);
    assert.deepEqual(world.log, []);
    for (let read = 0; read < 3; read++) await world.pass(6000);
    assert.deepEqual(world.log, [{ kind: "went-back", incarnation: head.incarnation, version: head.version }]);
    assert.deepEqual(world.follower.wentBack(), { incarnation: head.incarnation, version: head.version });
  }
  world.head = { ...current, version: 6, served: (await publish(documents, 6)).served as never };
  await world.pass(6000);
  assert.deepEqual(world.versions(), [5, 6]);
  assert.equal(world.follower.wentBack(), undefined);
});

test("the same snapshot of a newer state is news: classes are compiled from that state", async (t) => {
  const documents = createMemoryDocumentStore();
  const head = await publish(documents, 1);
  const world = await follow(t, documents, head);
  world.head = { ...head, served: { ...(head.served as NonNullable<Head["served"]>), state: emptyTrie.root } };
  world.follower.offer(world.head);
  await world.rest();
  assert.deepEqual(world.versions(), [1, 1]);
  assert.equal(world.follower.current()?.served.state, emptyTrie.root);
});

test("a head that another reads wakes it only when it is news", async (t) => {
  const documents = createMemoryDocumentStore();
  const head = await publish(documents, 1);
  const world = await follow(t, documents, head);
  const { reads } = world;
  world.follower.offer({ ...head, applied: { epoch: 1, seq: 99 } });
  await world.rest();
  assert.equal(world.reads, reads);
  world.head = await publish(documents, 2);
  world.follower.offer(world.head);
  await world.rest();
  assert.deepEqual(world.versions(), [1, 2]);
});

for (const { name, cloud } of [
  { name: "cannot be read", cloud: { fault: new MeshError("unavailable", "the cloud is away") } },
  { name: "does not answer in time", cloud: { silent: true } },
] as const) {
  test(`where the first head ${name}, what was kept is served; a newer one follows it`, async (t) => {
    const documents = createMemoryDocumentStore();
    const before = await follow(t, documents, await publish(documents, 3));
    t.mock.timers.reset();
    const snapshot = before.follower.current();
    const world = await follow(t, documents, await publish(documents, 4), { snapshot, ...cloud });
    await world.pass(3000);
    assert.deepEqual([world.versions(), world.follower.current()?.version], [[3], 3]);
    if ("silent" in cloud) return;
    world.fault = undefined;
    await world.pass(6000);
    assert.deepEqual(world.versions(), [3, 4]);
  });
}

test("where the first head is read, what was kept is only what it is compared with", async (t) => {
  const documents = createMemoryDocumentStore();
  const three = await publish(documents, 3);
  const before = await follow(t, documents, three);
  t.mock.timers.reset();
  const snapshot = before.follower.current();
  const newer = await follow(t, documents, await publish(documents, 4), { snapshot });
  assert.deepEqual(newer.versions(), [4]);
  t.mock.timers.reset();
  const same = await follow(t, documents, three, { snapshot });
  assert.deepEqual([same.versions(), same.served[0]], [[3], snapshot]);
  t.mock.timers.reset();
  const older = await follow(t, documents, await publish(documents, 2), { snapshot });
  assert.deepEqual(older.versions(), [3], "a cloud that went back is not followed");
});

test("before the first compile there is nothing to serve", async (t) => {
  const documents = createMemoryDocumentStore();
  const { served: _, ...unserved } = await publish(documents, 0);
  const world = await follow(t, documents, unserved);
  assert.equal(world.follower.current(), undefined);
  assert.equal(blockPartition(cluster, unserved.state).startsWith("one:"), true);
});
