import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ChangeFeedStartFrom, type OperationInput } from "@azure/cosmos";
import {
  type Document,
  drainFeed,
  idsOf,
  newCluster,
  refused,
  type SdkHarness,
  startSdkHarness,
} from "./sdk-harness.ts";

const timeout = 30_000;

let harness: SdkHarness;

before(async () => {
  harness = await startSdkHarness();
});
after(async () => {
  await harness[Symbol.asyncDispose]();
});

describe("expiry", { timeout }, () => {
  it("hides an item after its ttl, and lets its id be taken again", async () => {
    const { changes } = harness;
    const cluster = newCluster();
    await changes.items.create({ id: "kept", cluster });
    await changes.items.create({ id: "short", cluster, ttl: 1 });
    const { item } = await harness.clusters.items.create({ id: "short", cluster, ttl: 1 });
    while ((await changes.item("short", cluster).read()).statusCode === 200) {
      // Polled: the clock is the server's own.
    }
    assert.deepEqual(await idsOf(changes, "SELECT * FROM c", cluster), ["kept"]);
    assert.deepEqual(
      (await drainFeed(changes, cluster)).map(({ id }) => id),
      ["kept"],
    );
    assert.equal((await changes.items.create({ id: "short", cluster })).statusCode, 201);
    assert.equal((await item.read()).statusCode, 200, "without a default ttl nothing expires");
    await refused(changes.items.create({ id: "bad", cluster, ttl: 0 }), 400);
  });
});

describe("the change feed", { timeout }, () => {
  it("gives the newest versions in the order of writing, then 304, then what came after", async () => {
    const cluster = newCluster();
    for (const id of ["a", "b", "c"]) await harness.clusters.items.create({ id, cluster });
    await harness.clusters.items.upsert({ id: "a", cluster, n: 2 });
    await harness.clusters.item("b", cluster).delete();
    const changeFeedStartFrom = ChangeFeedStartFrom.Beginning(cluster);
    const iterator = harness.clusters.items.getChangeFeedIterator<Document>({ changeFeedStartFrom, maxItemCount: 1 });
    assert.deepEqual(
      (await iterator.readNext()).result.map(({ id }) => id),
      ["c"],
    );
    assert.deepEqual(
      (await iterator.readNext()).result.map(({ id }) => id),
      ["a"],
    );
    const empty = await iterator.readNext();
    assert.equal(empty.statusCode, 304);
    await harness.clusters.items.create({ id: "d", cluster });
    const resumed = harness.clusters.items.getChangeFeedIterator<Document>({
      changeFeedStartFrom: ChangeFeedStartFrom.Continuation(empty.continuationToken),
    });
    assert.deepEqual(
      (await resumed.readNext()).result.map(({ id }) => id),
      ["d"],
    );
    assert.equal((await resumed.readNext()).statusCode, 304);
  });

  it("begins now, or at a time", async () => {
    const cluster = newCluster();
    await harness.clusters.items.create({ id: "before", cluster });
    const now = harness.clusters.items.getChangeFeedIterator<Document>({
      changeFeedStartFrom: ChangeFeedStartFrom.Now(cluster),
    });
    assert.equal((await now.readNext()).statusCode, 304);
    await harness.clusters.items.create({ id: "after", cluster });
    assert.deepEqual(
      (await now.readNext()).result.map(({ id }) => id),
      ["after"],
    );
    const from = async (ms: number) => {
      const changeFeedStartFrom = ChangeFeedStartFrom.Time(new Date(Date.now() + ms), cluster);
      const page = await harness.clusters.items.getChangeFeedIterator<Document>({ changeFeedStartFrom }).readNext();
      return page.result.map(({ id }) => id);
    };
    assert.deepEqual(await from(-3_600_000), ["before", "after"]);
    assert.deepEqual(await from(3_600_000), []);
  });

  it("covers the whole container by range, and never cuts a transaction", async () => {
    await harness.client.database("weft").containers.create({ id: "ranges", partitionKey: "/cluster" });
    const container = harness.client.database("weft").container("ranges");
    for (const cluster of ["a", "b"]) {
      const create = (id: string): OperationInput => ({ operationType: "Create", resourceBody: { id, cluster } });
      await container.items.batch([create("1"), create("2"), create("3")], cluster);
    }
    const [range] = await container.getFeedRanges();
    assert.ok(range);
    const iterator = container.items.getChangeFeedIterator<Document>({
      changeFeedStartFrom: ChangeFeedStartFrom.Beginning(range),
      maxItemCount: 2,
    });
    assert.deepEqual(
      (await iterator.readNext()).result.map((one) => one.cluster + one.id),
      ["a1", "a2", "a3"],
    );
    assert.deepEqual(
      (await iterator.readNext()).result.map((one) => one.cluster + one.id),
      ["b1", "b2", "b3"],
    );
    assert.equal((await iterator.readNext()).statusCode, 304);
  });
});

describe("hierarchical partition keys", { timeout }, () => {
  it("isolate, and are queried and followed by a prefix", async () => {
    const { container } = await harness.client.database("weft").containers.create({
      id: "tree",
      partitionKey: { paths: ["/a", "/b"], kind: "MultiHash", version: 2 } as never,
    });
    for (const [a, b] of [
      ["x", "1"],
      ["x", "2"],
      ["y", "1"],
    ])
      await container.items.create({ id: "same", a, b });
    assert.equal((await container.item("same", ["x", "2"]).read()).resource?.b, "2");
    assert.equal((await container.item("same", ["y", "2"]).read()).statusCode, 404);
    const { resources } = await container.items.query("SELECT VALUE c.b FROM c", { partitionKey: ["x"] }).fetchAll();
    assert.deepEqual(resources, ["1", "2"]);
    const feed = container.items.getChangeFeedIterator<{ a: string; b: string }>({
      changeFeedStartFrom: ChangeFeedStartFrom.Beginning(["y"]),
    });
    assert.deepEqual(
      (await feed.readNext()).result.map((one) => one.a + one.b),
      ["y1"],
    );
  });
});
