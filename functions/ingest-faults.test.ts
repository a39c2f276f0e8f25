import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import type { MeshObject } from "../shared/core/object.ts";
import { refusedMarker } from "../shared/core/state/cluster-state.ts";
import type { DocumentStore } from "../shared/ports/document-store.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import type { SeenCloud } from "../shared/store/documents.ts";
import { httpRouteGroup, meshConfig, namespace, pod, service, stateOf } from "../test/support/build.ts";
import { type PublishingCluster, startPublishingCluster, trieOfObjects } from "../test/support/publishing-cluster.ts";

const cart = (port: number) => service("shop/cart", { ports: [{ port, targetPort: 8080, name: "http" }] });
const shop = stateOf([namespace("shop"), meshConfig({ permissive: true, egress: false }), cart(80), pod("shop/cart")]);
const by = { who: "ann", why: "a test" };

/** An event whose body is no object, for `seq` after a list of the shop. */
function poison(cluster: PublishingCluster, seq: number): object {
  const event = cluster.event({ epoch: 1, seq }, { type: "ListEnded", state: trieOfObjects([]).root });
  const { key, uid } = shop[2] as MeshObject;
  return cluster.seal({ ...event, type: "ObjectApplied", object: key, uid, body: 7, cause: {} } as never);
}

test("a poison body that comes twice is kept once", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  const odd = poison(cluster, list.length + 1);
  await cluster.functions.ingestEvents([...list, odd]);
  await cluster.functions.ingestEvents([odd, odd]);
  assert.equal((await cluster.documents.list("rejected", "test", { prefix: "", limit: 10 })).length, 1);
  assert.deepEqual([(await cluster.head()).refused.count, (await cluster.head()).applied.seq], [1, list.length + 1]);
});

test("a poison body that cannot be kept blocks nothing", async () => {
  const documents = createMemoryDocumentStore();
  const full: DocumentStore = {
    ...documents,
    async put(container, document) {
      if (container === "rejected") throw new MeshError("too-large", "the container is full");
      await documents.put(container, document);
    },
  };
  const cluster = await startPublishingCluster({ documents: full });
  const list = cluster.list(1, shop);
  await cluster.functions.ingestEvents([...list, poison(cluster, list.length + 1)]);
  assert.equal((await cluster.head()).applied.seq, list.length + 1);
});

test("an object that was too large for its message is a marker in the state, as the publisher puts it", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  const { key, uid } = shop[2] as MeshObject;
  const refusal = { bodyHash: "0123456789abcdef" as never, reason: "its message would have 2000000 bytes" };
  const event = cluster.event(
    { epoch: 1, seq: list.length + 1 },
    { type: "ObjectRefused", object: key, uid, ...refusal, cause: {} },
  );
  await cluster.functions.ingestEvents([...list, cluster.seal(event)]);
  const [, , old, ...rest] = shop;
  const marked = [...shop.slice(0, 2), { ...(old as MeshObject), body: refusedMarker(refusal) }, ...rest];
  const head = await cluster.head();
  assert.equal(head.state, trieOfObjects(marked).root);
  const heartbeat = cluster.event({ epoch: 1, seq: list.length + 1 }, { type: "Heartbeat", state: head.state });
  await cluster.functions.ingestEvents([cluster.seal(heartbeat)]);
  assert.equal((await cluster.head()).want, undefined);
});

test("mistakes with enormous texts do not make the head's batch too large", async () => {
  const cluster = await startPublishingCluster();
  const groups = Array.from({ length: 6 }, (_, index) =>
    httpRouteGroup(`shop/g${index}`, [{ name: "n".repeat(400_000), pathRegex: `(${"x".repeat(300_000)}` }]),
  );
  await cluster.functions.ingestEvents(cluster.list(1, [...shop, ...stateOf(groups)]));
  const head = await cluster.head();
  assert.deepEqual([head.version, head.served?.state], [1, head.state]);
});

test("an epoch far beyond is refused, and the next one of the publisher is taken", async () => {
  const cluster = await startPublishingCluster();
  await cluster.functions.ingestEvents(cluster.list(1, shop));
  await cluster.functions.ingestEvents(cluster.list(2 ** 40, []));
  assert.match((await cluster.head()).want ?? "", /epoch 1099511627776/);
  await cluster.functions.ingestEvents(cluster.list(2, shop));
  assert.deepEqual([(await cluster.head()).want, (await cluster.head()).applied.epoch], [undefined, 2]);
});

/** Messages of a list whose start says what was seen of the cloud. */
function listHavingSeen(cluster: PublishingCluster, epoch: number, seen: SeenCloud, objects = shop) {
  const start = cluster.event({ epoch, seq: 1 }, { type: "ListStarted", reason: "test", seen });
  return [cluster.seal(start), ...cluster.list(epoch, objects).slice(1)];
}

/** A cluster that served versions 1 to 3; its head and points are then those of version 1 again. */
async function restored() {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  await cluster.functions.ingestEvents(list);
  const stored = await cluster.documents.get("clusters", "test", "head");
  for (const port of [81, 82]) {
    const [edited] = stateOf([cart(port)]) as [MeshObject];
    await cluster.functions.ingestEvents([cluster.applied({ epoch: 1, seq: list.length + port - 80 }, edited)]);
  }
  const { incarnation, version } = await cluster.head();
  await cluster.documents.put("clusters", { id: "head", partition: "test", body: stored?.body as object });
  return { cluster, seen: { incarnation, version, policyVersion: 0 } };
}

test("a cloud that went back goes on above the version that the list names, though the state is what it was", async () => {
  const { cluster, seen } = await restored();
  const before = await cluster.head();
  const messages = listHavingSeen(cluster, 2, seen);
  await cluster.functions.ingestEvents(messages.slice(0, 2));
  assert.deepEqual(
    [(await cluster.head()).version, (await cluster.head()).above],
    [1, seen],
    "not before the list has ended",
  );
  await cluster.functions.sweep();
  assert.equal((await cluster.head()).version, 1);
  await cluster.functions.ingestEvents(messages.slice(2));
  const head = await cluster.head();
  assert.deepEqual([head.version, head.above, head.served?.root], [4, undefined, before.served?.root]);
  assert.equal(cluster.pointers.at(-1)?.version, 4);
});

test("a list of one message that asserts the state does it too", async () => {
  const { cluster, seen } = await restored();
  const asserts = trieOfObjects(shop).root;
  const start = cluster.event({ epoch: 2, seq: 1 }, { type: "ListStarted", reason: "test", asserts, seen });
  await cluster.functions.ingestEvents([cluster.seal(start)]);
  assert.equal((await cluster.head()).version, 4);
});

test("a cluster that was made anew becomes the one that its gateways know", async () => {
  const cluster = await startPublishingCluster();
  const seen = { incarnation: "the one before", version: 70, policyVersion: 0 };
  await cluster.functions.ingestEvents(listHavingSeen(cluster, 5, seen));
  const head = await cluster.head();
  assert.deepEqual([head.incarnation, head.version], ["the one before", 71]);
});

test("a fleet policy older than what gateways have seen waits for a person", async () => {
  const { cluster, seen } = await restored();
  await cluster.functions.ingestEvents(listHavingSeen(cluster, 2, { ...seen, policyVersion: 9 }));
  const head = await cluster.head();
  assert.deepEqual([head.version, head.pin?.kind, head.pin?.lower], [1, "hold", true]);
  assert.match(head.pin?.why ?? "", /version 0, gateways have seen 9/);
  assert.equal(await cluster.functions.pins.release("test", "hold", by), 4);
});

test("what an old list had seen, or an absurd one claims, raises nothing", async () => {
  const { cluster, seen } = await restored();
  await cluster.functions.ingestEvents(listHavingSeen(cluster, 1, seen));
  assert.equal((await cluster.head()).version, 1);
  await cluster.functions.ingestEvents(listHavingSeen(cluster, 2, { ...seen, version: Number.MAX_SAFE_INTEGER }));
  assert.deepEqual([(await cluster.head()).version, (await cluster.head()).above], [1, undefined]);
});

test("a hub that was recreated lost events: the heartbeat tells, and a list mends it", async () => {
  const cluster = await startPublishingCluster();
  const list = cluster.list(1, shop);
  await cluster.functions.ingestEvents(list);
  const [edited] = stateOf([cart(90)]) as [MeshObject];
  const now = [...shop.filter(({ key }) => key.kind !== "Service"), edited];
  const state = trieOfObjects(now).root;
  const heartbeat = cluster.event({ epoch: 1, seq: list.length + 1 }, { type: "Heartbeat", state });
  await cluster.functions.ingestEvents([cluster.seal(heartbeat)]);
  assert.match((await cluster.head()).want ?? "", /the publisher is at seq/);
  await cluster.functions.ingestEvents(cluster.list(2, now));
  assert.deepEqual([(await cluster.head()).want, (await cluster.head()).state], [undefined, state]);
});
