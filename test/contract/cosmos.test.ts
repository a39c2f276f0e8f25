import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CosmosClient, ErrorResponse, type OperationInput } from "@azure/cosmos";
import { containers } from "../../infra/containers.ts";
import {
  connect,
  type Document,
  drainFeed,
  idsOf,
  ifMatch,
  ifNoneMatch,
  newCluster,
  refused,
  type SdkHarness,
  startSdkHarness,
} from "../../local/cosmos/sdk-harness.ts";

// The unmodified SDK against the stand-in: the checks of azure.md §2.1 that are in scope (the feed and expiry: local/cosmos/feed.test.ts).

const timeout = 30_000;

let harness: SdkHarness;

before(async () => {
  harness = await startSdkHarness();
});
after(async () => {
  await harness[Symbol.asyncDispose]();
});

describe("account, databases, containers", { timeout }, () => {
  it("describes the account, also to a client that discovers endpoints", async () => {
    const { resource } = await harness.client.getDatabaseAccount();
    assert.equal(resource?.writableLocations.length, 1);
    const discovering = new CosmosClient({ endpoint: harness.cosmos.endpoint, key: harness.cosmos.key });
    const { resources } = await discovering.databases.readAll().fetchAll();
    discovering.dispose();
    assert.ok(resources.some(({ id }) => id === "weft"));
  });

  it("accepts its connection string", async () => {
    const other = new CosmosClient(harness.cosmos.connectionString);
    const { resource } = await other.database("weft").read();
    other.dispose();
    assert.equal(resource?.id, "weft");
  });

  it("has the containers of the one list", async () => {
    const { resources } = await harness.client.database("weft").containers.readAll().fetchAll();
    assert.deepEqual(
      resources.map(({ id, partitionKey, defaultTtl }) => [id, partitionKey?.paths, defaultTtl]),
      containers.map((one) => [one.id, [one.partitionKey], "defaultTtl" in one ? one.defaultTtl : undefined]),
    );
  });

  it("creates, reads and deletes databases and containers", async () => {
    const { database } = await harness.client.databases.createIfNotExists({ id: "other" });
    await refused(harness.client.databases.create({ id: "other" }), 409);
    const { container, statusCode } = await database.containers.create({ id: "c", partitionKey: "/a/b" });
    assert.equal(statusCode, 201);
    await refused(database.containers.create({ id: "c", partitionKey: "/a/b" }), 409);
    assert.equal((await database.containers.createIfNotExists({ id: "c", partitionKey: "/a/b" })).statusCode, 200);
    await container.items.create({ id: "1", a: { b: "x" } });
    assert.equal((await container.item("1", "x").read()).statusCode, 200);
    assert.equal((await container.delete()).statusCode, 204);
    await refused(container.read(), 404);
    await database.delete();
    await refused(database.read(), 404);
  });

  it("has one partition key range, the whole ring", async () => {
    const { resources } = await harness.clusters.readPartitionKeyRanges().fetchAll();
    assert.deepEqual(
      resources.map(({ id, minInclusive, maxExclusive }) => [id, minInclusive, maxExclusive]),
      [["0", "", "FF"]],
    );
  });

  it("refuses a wrong key", async () => {
    using stranger = connect(harness.cosmos, { key: Buffer.from("no").toString("base64") });
    await refused(stranger.client.database("weft").read(), 401);
  });
});

describe("items", { timeout }, () => {
  it("creates an item once in each partition", async () => {
    const [one, other] = [newCluster(), newCluster()];
    const created = await harness.clusters.items.create({ id: "head", cluster: one, n: 1 });
    assert.equal(created.statusCode, 201);
    assert.ok(created.requestCharge > 5);
    assert.match(created.etag, /^".+"$/);
    assert.equal(created.resource?._etag, created.etag);
    await refused(harness.clusters.items.create({ id: "head", cluster: one }), 409);
    assert.equal((await harness.clusters.items.create({ id: "head", cluster: other })).statusCode, 201);
  });

  it("upserts, reads, replaces and deletes", async () => {
    const cluster = newCluster();
    assert.equal((await harness.clusters.items.upsert({ id: "a", cluster, n: 1 })).statusCode, 201);
    assert.equal((await harness.clusters.items.upsert({ id: "a", cluster, n: 2 })).statusCode, 200);
    const item = harness.clusters.item("a", cluster);
    const read = await item.read<Document>();
    assert.equal(read.resource?.["n"], 2);
    assert.equal(read.requestCharge, 1);
    assert.match(String(read.headers["x-ms-session-token"]), /^0:-1#\d+$/);
    assert.match(String(read.headers["x-ms-activity-id"]), /^[0-9a-f-]{36}$/);
    const replaced = await item.replace<Document>({ id: "a", cluster, n: 3 });
    assert.equal(replaced.resource?.["n"], 3);
    assert.ok(Number(replaced.headers["lsn"]) > Number(read.headers["lsn"]));
    assert.equal((await item.delete()).statusCode, 204);
    assert.equal((await item.read()).statusCode, 404);
    await refused(item.delete(), 404);
    await refused(item.replace({ id: "a", cluster }), 404);
  });

  it("keeps ids apart that need escaping", async () => {
    const cluster = newCluster();
    for (const id of ["a b", "ä:1", "50%", "x,y;z=1&2"]) {
      await harness.clusters.items.create({ id, cluster });
      assert.equal((await harness.clusters.item(id, cluster).read<Document>()).resource?.id, id);
    }
  });

  it("answers a stale etag with 412 and a current one with 304", async () => {
    const cluster = newCluster();
    const { etag: first, item } = await harness.clusters.items.create({ id: "a", cluster, n: 1 });
    const { etag: second } = await item.replace({ id: "a", cluster, n: 2 }, ifMatch(first));
    await refused(item.replace({ id: "a", cluster, n: 3 }, ifMatch(first)), 412);
    await refused(harness.clusters.items.upsert({ id: "a", cluster, n: 3 }, ifMatch(first)), 412);
    await refused(item.delete(ifMatch(first)), 412);
    const unchanged = await item.read(ifNoneMatch(second));
    assert.equal(unchanged.statusCode, 304);
    assert.equal((await item.read(ifNoneMatch(first))).statusCode, 200);
  });

  it("ignores If-Match in an upsert that creates, as the service does", async () => {
    const { statusCode } = await harness.clusters.items.upsert({ id: "a", cluster: newCluster() }, ifMatch('"gone"'));
    assert.equal(statusCode, 201);
  });

  it("lets exactly one of 20 parallel compare-and-swaps win each round", async () => {
    const cluster = newCluster();
    const { item } = await harness.clusters.items.create({ id: "head", cluster, version: 0 });
    for (let version = 1; version <= 10; version += 1) {
      const { etag } = await item.read();
      const attempts = Array.from({ length: 20 }, (_, writer) =>
        item.replace({ id: "head", cluster, version, writer }, ifMatch(etag)).then(
          () => "won",
          (error: ErrorResponse) => error.code,
        ),
      );
      const results = await Promise.all(attempts);
      assert.deepEqual(
        results.filter((result) => result !== 412),
        ["won"],
      );
    }
    assert.equal((await item.read<Document>()).resource?.["version"], 10);
  });

  it("refuses what does not fit: size, id, partition key", async () => {
    const cluster = newCluster();
    await refused(harness.clusters.items.create({ id: "big", cluster, text: "x".repeat(2 * 1024 * 1024) }), 413);
    await harness.clusters.items.create({ id: "nearly", cluster, text: "x".repeat(1_900_000) });
    await refused(harness.clusters.items.create({ cluster }, { disableAutomaticIdGeneration: true }), 400);
    await refused(harness.clusters.items.create({ id: "x", cluster: { not: "a key" } }), 400);
  });
});

describe("patch", { timeout }, () => {
  it("adds, sets, replaces, removes, increments, appends", async () => {
    const cluster = newCluster();
    const { item } = await harness.clusters.items.create({
      id: "a",
      cluster,
      n: 1,
      gone: 1,
      list: ["x"],
      deep: { b: 1 },
    });
    const { resource } = await item.patch<Document>([
      { op: "incr", path: "/n", value: 4 },
      { op: "remove", path: "/gone" },
      { op: "add", path: "/list/-", value: "y" },
      { op: "add", path: "/list/0", value: "w" },
      { op: "set", path: "/deep/c", value: 2 },
      { op: "replace", path: "/deep/b", value: 3 },
    ]);
    const { n, gone, list, deep } = resource as unknown as Record<string, unknown>;
    assert.deepEqual({ n, gone, list, deep }, { n: 5, gone: undefined, list: ["w", "x", "y"], deep: { b: 3, c: 2 } });
  });

  it("obeys its condition and If-Match, and changes nothing when it fails", async () => {
    const cluster = newCluster();
    const { item, etag } = await harness.clusters.items.create({ id: "a", cluster, n: 1 });
    const operations = [{ op: "set", path: "/n", value: 2 } as const];
    await refused(item.patch({ condition: "from c where c.n > 1", operations }), 412);
    await refused(item.patch(operations, ifMatch('"other"')), 412);
    await refused(item.patch([{ op: "replace", path: "/missing", value: 1 }]), 400);
    await refused(item.patch([{ op: "set", path: "/cluster", value: "elsewhere" }]), 400);
    assert.equal((await item.read()).etag, etag);
    const patched = await item.patch<Document>({ condition: "FROM c WHERE c.n = 1", operations }, ifMatch(etag));
    assert.equal(patched.resource?.["n"], 2);
  });
});

describe("transactional batches", { timeout }, () => {
  it("does all operations of a batch in one transaction", async () => {
    const cluster = newCluster();
    const { etag } = await harness.clusters.items.create({ id: "head", cluster, n: 1 });
    await harness.clusters.items.create({ id: "old", cluster });
    const response = await harness.clusters.items.batch(
      [
        { operationType: "Create", resourceBody: { id: "point", cluster } },
        { operationType: "Replace", id: "head", ifMatch: etag, resourceBody: { id: "head", cluster, n: 2 } },
        { operationType: "Upsert", resourceBody: { id: "extra", cluster } },
        { operationType: "Patch", id: "point", resourceBody: [{ op: "add", path: "/x", value: 1 }] },
        { operationType: "Read", id: "head" },
        { operationType: "Delete", id: "old" },
      ],
      cluster,
    );
    assert.equal(response.code, 200);
    assert.deepEqual(statuses(response.result), [201, 200, 201, 200, 200, 204]);
    assert.equal(response.result?.[4]?.resourceBody?.["n"], 2);
    const feed = await drainFeed(harness.clusters, cluster);
    assert.equal(new Set(feed.map((document) => document["_lsn"])).size, 1);
  });

  it("does nothing when one operation fails: 207, 424 for the others", async () => {
    const cluster = newCluster();
    const { etag } = await harness.clusters.items.create({ id: "head", cluster, n: 1 });
    const attempt = (second: OperationInput) =>
      harness.clusters.items.batch(
        [
          { operationType: "Create", resourceBody: { id: "point", cluster } },
          second,
          { operationType: "Read", id: "head" },
        ],
        cluster,
      );
    const conflict = await attempt({ operationType: "Create", resourceBody: { id: "head", cluster } });
    assert.equal(conflict.code, 207);
    assert.deepEqual(statuses(conflict.result), [424, 409, 424]);
    const body = { id: "head", cluster, n: 2 };
    const stale = await attempt({ operationType: "Replace", id: "head", ifMatch: '"old"', resourceBody: body });
    assert.deepEqual(statuses(stale.result), [424, 412, 424]);
    assert.equal((await harness.clusters.item("point", cluster).read()).statusCode, 404);
    assert.equal((await harness.clusters.item("head", cluster).read()).etag, etag);
  });
});

describe("the limits of a batch, and bulk", { timeout }, () => {
  it("refuses a batch over 2 MB, and one that leaves its partition", async () => {
    const cluster = newCluster();
    const text = "x".repeat(1_100_000);
    const large: OperationInput[] = ["1", "2"].map((id) => ({
      operationType: "Create",
      resourceBody: { id, cluster, text },
    }));
    await assert.rejects(harness.clusters.items.batch(large, cluster), (error: Error) => {
      return error.cause instanceof ErrorResponse && error.cause.code === 413;
    });
    const strayed = await harness.clusters.items.batch(
      [{ operationType: "Create", resourceBody: { id: "a", cluster: "other" } }],
      cluster,
    );
    assert.deepEqual(statuses(strayed.result), [400]);
  });

  it("leaves bodies out when the client does not want them", async () => {
    const cluster = newCluster();
    const operation: OperationInput = { operationType: "Create", resourceBody: { id: "a", cluster } };
    const { result } = await harness.clusters.items.batch([operation], cluster, {
      contentResponseOnWriteEnabled: false,
    });
    assert.equal(result?.[0]?.resourceBody, undefined);
    assert.ok(result?.[0]?.eTag);
  });

  it("does bulk operations one by one, each in its partition", async () => {
    const [one, other] = [newCluster(), newCluster()];
    const results = await harness.clusters.items.executeBulkOperations([
      { operationType: "Create", partitionKey: one, resourceBody: { id: "a", cluster: one } },
      { operationType: "Create", partitionKey: other, resourceBody: { id: "a", cluster: other } },
      { operationType: "Create", partitionKey: one, resourceBody: { id: "a", cluster: one } },
      { operationType: "Read", partitionKey: one, id: "a" },
      { operationType: "Delete", partitionKey: other, id: "a" },
    ]);
    assert.deepEqual(
      results.map(({ response, error }) => response?.statusCode ?? error?.code),
      [201, 201, 409, 200, 204],
    );
  });
});

describe("queries", { timeout }, () => {
  it("see only their partition key", async () => {
    const [one, other] = [newCluster(), newCluster()];
    for (const cluster of [one, other]) {
      for (const id of ["point:1", "point:2", "head"])
        await harness.clusters.items.create({ id, cluster, n: id.length });
    }
    const query = {
      query: "SELECT * FROM c WHERE STARTSWITH(c.id, @prefix) ORDER BY c.id DESC",
      parameters: [{ name: "@prefix", value: "point:" }],
    };
    assert.deepEqual(await idsOf(harness.clusters, query, one), ["point:2", "point:1"]);
    const { resources } = await harness.clusters.items.readAll<Document>({ partitionKey: one }).fetchAll();
    assert.deepEqual(new Set(resources.map(({ cluster }) => cluster)), new Set([one]));
    const both = {
      query: "SELECT * FROM c WHERE c.id = 'head' AND c.cluster IN (@a, @b)",
      parameters: [
        { name: "@a", value: one },
        { name: "@b", value: other },
      ],
    };
    assert.equal((await idsOf(harness.clusters, both)).length, 2);
  });

  it("filter, order, project, count, cut", async () => {
    const cluster = newCluster();
    for (let n = 0; n < 12; n += 1) {
      await harness.clusters.items.create({
        id: `i${String(n).padStart(2, "0")}`,
        cluster,
        n,
        tags: n % 2 ? ["odd"] : [],
        ...(n < 3 ? { small: true } : {}),
      });
    }
    const ids = (query: string) => idsOf(harness.clusters, query, cluster);
    assert.deepEqual(await ids("SELECT * FROM c WHERE c.n >= 3 AND c.n < 5"), ["i03", "i04"]);
    assert.deepEqual(await ids("SELECT * FROM c WHERE IS_DEFINED(c.small) AND NOT c.n = 1"), ["i00", "i02"]);
    assert.deepEqual(await ids("SELECT TOP 2 * FROM c WHERE ARRAY_CONTAINS(c.tags, 'odd') ORDER BY c.n DESC"), [
      "i11",
      "i09",
    ]);
    assert.deepEqual(await ids("SELECT c.id FROM c ORDER BY c.n OFFSET 5 LIMIT 3"), ["i05", "i06", "i07"]);
    assert.deepEqual(await ids("SELECT r.id FROM root r WHERE r['n'] IN (1, 2, 99) OR r.n != r.n"), ["i01", "i02"]);
    const values = await harness.clusters.items
      .query("SELECT VALUE c.n FROM c WHERE c.n < 2", { partitionKey: cluster })
      .fetchAll();
    assert.deepEqual(values.resources, [0, 1]);
    for (const forceQueryPlan of [false, true]) {
      const text = `SELECT VALUE COUNT(1) FROM c WHERE c.cluster = '${cluster}'`;
      const count = await harness.clusters.items.query(text, { forceQueryPlan }).fetchAll();
      assert.deepEqual(count.resources, [12]);
    }
  });
});

describe("pages and refusals of queries", { timeout }, () => {
  it("come in pages that a later client can go on from, while items change", async () => {
    const cluster = newCluster();
    for (let n = 0; n < 10; n += 1) await harness.clusters.items.create({ id: `i${n}`, cluster, n });
    const seen: string[] = [];
    let continuationToken: string | undefined;
    do {
      const options = {
        partitionKey: cluster,
        maxItemCount: 3,
        ...(continuationToken === undefined ? {} : { continuationToken }),
      };
      const page = await harness.clusters.items
        .query<Document>("SELECT * FROM c ORDER BY c.n DESC", options)
        .fetchNext();
      assert.ok(page.resources.length <= 3);
      seen.push(...page.resources.map(({ id }) => id));
      continuationToken = page.continuationToken;
      if (seen.length === 3) await harness.clusters.item("i9", cluster).delete();
    } while (continuationToken !== undefined);
    assert.deepEqual(seen, ["i9", "i8", "i7", "i6", "i5", "i4", "i3", "i2", "i1", "i0"]);
  });

  it("are refused with 400 when they cannot be read", async () => {
    const unreadable = [
      "SELECT * FORM c",
      "SELECT * FROM c WHERE x.a = 1",
      "SELECT * FROM c WHERE NOSUCH(c.a)",
      "SELECT * FROM c GROUP BY c.a",
    ];
    for (const text of unreadable) {
      await refused(harness.clusters.items.query(text, { partitionKey: "x" }).fetchAll(), 400);
    }
  });
});

function statuses(results: readonly { readonly statusCode: number }[] | undefined): readonly number[] | undefined {
  return results?.map(({ statusCode }) => statusCode);
}
