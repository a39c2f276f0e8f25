import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { sealEnvelope } from "../shared/core/events/envelope.ts";
import type { MeshObject } from "../shared/core/object.ts";
import { versionsOf, viewOf } from "../shared/core/snapshot/snapshot.ts";
import { createBlockStore } from "../shared/store/block-store.ts";
import type { Change, ClusterProblems, Point } from "../shared/store/documents.ts";
import { shop, target } from "../test/support/cart-shop.ts";
import { startPublishingCluster, trieOfObjects } from "../test/support/publishing-cluster.ts";

/** What the head names is all there, and is the state of these objects. */
async function assertServes(
  cluster: Awaited<ReturnType<typeof startPublishingCluster>>,
  objects: readonly MeshObject[],
): Promise<void> {
  const head = await cluster.head();
  assert.equal(head.state, trieOfObjects(objects).root);
  assert.equal(head.served?.state, head.state);
  const blocks = createBlockStore(cluster.documents, "test");
  const snapshot = await blocks.loadSnapshot(head.served.root);
  const resources = await blocks.loadResources(versionsOf(snapshot.index));
  for (const object of objects) {
    if (object.key.kind !== "WorkloadClass") continue;
    const view = viewOf(snapshot, object.key.name as never);
    assert.ok(view && view.size > 0);
    for (const version of view.values()) assert.ok(resources.has(version));
  }
}

test("a list is compiled and published once it has ended, in one version", async () => {
  const cluster = await startPublishingCluster();
  const messages = cluster.list(1, shop);
  await cluster.functions.ingestEvents(messages.slice(0, 3));
  assert.equal((await cluster.head()).version, 0);
  assert.equal((await cluster.head()).staged?.seq, 3);
  await cluster.functions.ingestEvents(messages.slice(3));
  const head = await cluster.head();
  assert.equal(head.version, 1);
  assert.equal(head.staged, undefined);
  await assertServes(cluster, shop);
  assert.equal(cluster.pointers.length, 1);
  const { fresh, ...pointer } = cluster.pointers[0] ?? assert.fail();
  const root = head.served?.root;
  assert.deepEqual(pointer, { mesh: "weft", cluster: "test", incarnation: head.incarnation, version: 1, root });
  assert.deepEqual(fresh?.blocks, [root], "all of so small an index is one block");
  assert.ok((fresh?.resources.length ?? 0) > 0);
});

test("a live change moves the version, keeps its cause, and leaves the old snapshot readable", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  await cluster.functions.ingestEvents(list);
  const before = await cluster.head();
  await cluster.functions.ingestEvents([cluster.applied({ epoch: 1, seq: list.length + 1 }, target)]);
  await assertServes(cluster, [...shop, target]);
  const [point] = await cluster.documents.list<Point>("clusters", "test", { prefix: "point:", limit: 1 });
  assert.deepEqual(
    point?.causes.map(({ what, object }) => `${what} ${object.name}`),
    ["applied web-to-cart"],
  );
  const [change] = await cluster.documents.list<Change>("changes", "test", { prefix: "change:", limit: 1 });
  assert.equal(change?.version, 2);
  assert.ok((change?.resources.added ?? 0) > 0);
  await createBlockStore(cluster.documents, "test").loadSnapshot(before.served?.root as never);
});

test("repeated, late and older-epoch messages have no effect", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(2, shop);
  await cluster.functions.ingestEvents(list);
  const change = cluster.applied({ epoch: 2, seq: list.length + 1 }, target);
  await cluster.functions.ingestEvents([change]);
  const before = await cluster.head();
  await cluster.functions.ingestEvents([...list, change, change]);
  await cluster.functions.ingestEvents(cluster.list(1, shop.slice(0, 2)));
  assert.deepEqual(await cluster.head(), before);
});

test("a gap makes the head ask for a list, and a list in a new epoch answers it", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  await cluster.functions.ingestEvents(list);
  await cluster.functions.ingestEvents([cluster.applied({ epoch: 1, seq: list.length + 2 }, target)]);
  assert.match((await cluster.head()).want ?? "", /seq \d+ of epoch 1 came after/);
  await assertServes(cluster, shop);
  await cluster.functions.ingestEvents(cluster.list(2, [...shop, target]));
  assert.equal((await cluster.head()).want, undefined);
  await assertServes(cluster, [...shop, target]);
});

test("a list that asserts the state hash is one message and changes nothing that is served", async () => {
  const cluster = await startPublishingCluster();
  await cluster.functions.ingestEvents(cluster.list(1, shop));
  const { version } = await cluster.head();
  const asserts = trieOfObjects(shop).root;
  await cluster.functions.ingestEvents([
    cluster.seal(cluster.event({ epoch: 2, seq: 1 }, { type: "ListStarted", reason: "takeover", asserts })),
  ]);
  const head = await cluster.head();
  assert.deepEqual([head.version, head.applied], [version, { epoch: 2, seq: 1 }]);
});

test("what a gateway served itself is kept among the changes, once however often it is told, and compiles nothing", async () => {
  const cluster = await startPublishingCluster();
  await cluster.functions.ingestEvents(cluster.list(1, shop));
  const { applied, served, version } = await cluster.head();
  const fact = { root: served?.root ?? trieOfObjects([]).root, state: trieOfObjects(shop).root, from: "a", to: "b" };
  const told = (seq: number) => cluster.seal(cluster.event({ epoch: 1, seq }, { type: "ServedLocally", ...fact }));
  await cluster.functions.ingestEvents([told(applied.seq + 1), told(applied.seq + 2), told(applied.seq + 2)]);
  const head = await cluster.head();
  assert.deepEqual([head.applied, head.version], [{ epoch: 1, seq: applied.seq + 2 }, version]);
  const kept = await cluster.documents.list("changes", "test", { prefix: "local:", limit: 10 });
  assert.deepEqual(kept, [fact]);
});

test("what does not verify is dropped before anything else: forged, of another cluster's key, of another mesh, not an envelope", async () => {
  const cluster = await startPublishingCluster();
  const other = await startPublishingCluster({ cluster: "other", documents: cluster.documents });
  const before = await cluster.head();
  const forged = generateKeyPairSync("ed25519").privateKey;
  const event = cluster.event({ epoch: 1, seq: 1 }, { type: "ListStarted", reason: "test" });
  const text = JSON.stringify(event);
  await cluster.functions.ingestEvents([
    sealEnvelope(text, { kid: "key-of-test", privateKey: forged }),
    { ...other.seal(event), kid: "key-of-other" },
    cluster.seal({ ...event, mesh: "elsewhere" }),
    { ...cluster.seal(event), event: text.replace("test", "tast") },
    { kid: 1 },
    "not json",
    42,
    null,
  ]);
  assert.deepEqual(await cluster.head(), before);
  assert.deepEqual(cluster.warnings, ["messages dropped: they do not verify"]);
});

test("an unreadable event is kept in rejected, takes its seq, stands as refused, and does not block what follows", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  await cluster.functions.ingestEvents(list);
  const odd = {
    ...cluster.event({ epoch: 1, seq: list.length + 1 }, { type: "ListEnded", state: trieOfObjects([]).root }),
    type: "ObjectApplied",
    object: target.key,
    uid: "u",
    body: 7,
    cause: {},
  };
  await cluster.functions.ingestEvents([
    cluster.seal(odd as never),
    cluster.deleted({ epoch: 1, seq: list.length + 2 }, shop.at(-1) as MeshObject),
  ]);
  const head = await cluster.head();
  assert.equal(head.applied.seq, list.length + 2);
  assert.equal(head.refused.count, 1);
  const rejected = await cluster.documents.list<{ reason: string }>("rejected", "test", { prefix: "", limit: 10 });
  assert.match(rejected[0]?.reason ?? "", /body/);
  const problems = await cluster.documents.get<ClusterProblems>("clusters", "test", "problems");
  assert.ok(problems?.body.problems.some(({ object }) => object.name === "web-to-cart"));
});

test("clusters of one batch do not disturb each other", async () => {
  const one = await startPublishingCluster({ cluster: "one" });
  const two = await startPublishingCluster({ cluster: "two", documents: one.documents });
  const mixed = [...one.list(1, shop), ...two.list(1, [...shop, target])].sort(() => 0);
  await one.functions.ingestEvents(mixed);
  assert.equal((await one.head()).state, trieOfObjects(shop).root);
  assert.equal((await two.head()).state, trieOfObjects([...shop, target]).root);
});

test("a second instance that lost the compare-and-set starts over from the new head", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  await Promise.all([
    cluster.functions.ingestEvents(list),
    cluster.functions.ingestEvents(list),
    cluster.functions.ingestEvents(list),
  ]);
  assert.equal((await cluster.head()).version, 1);
  await assertServes(cluster, shop);
});

test("the sweep compiles what a lost trigger left, and a pin holds it back", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  await cluster.functions.ingestEvents(list);
  await cluster.documents.put("policies", {
    id: "settings",
    partition: "weft",
    body: { version: 3, smiSemantics: "spec" },
  });
  await cluster.functions.sweep();
  const head = await cluster.head();
  assert.equal(head.served?.settingsVersion, 3);
  await cluster.documents.put("clusters", {
    id: "head",
    partition: "test",
    body: { ...head, pin: { kind: "freeze", why: "test" } },
  });
  await cluster.functions.ingestEvents([cluster.applied({ epoch: 1, seq: list.length + 1 }, target)]);
  const pinned = await cluster.head();
  assert.equal(pinned.version, head.version);
  assert.notEqual(pinned.served?.state, pinned.state);
});
