import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ChangeFeedStartFrom, type FeedOptions, type JSONValue } from "@azure/cosmos";
import { containers } from "../../infra/containers.ts";
import { type Connection, connect, type Document, drainFeed, refused } from "../../local/cosmos/sdk-harness.ts";
import { type Cosmos, startCosmos } from "../../local/cosmos/start-cosmos.ts";

// The unmodified SDK against a container of several physical partitions: it routes, and puts the answers together.

const timeout = 30_000;
const count = 40;

let cosmos: Cosmos;
let connection: Connection;

before(async () => {
  cosmos = await startCosmos({ databases: [{ id: "weft", containers }], partitions: 3 });
  connection = connect(cosmos, { key: cosmos.key, consistencyLevel: "Session" });
  for (let n = 0; n < count; n += 1) {
    await connection.clusters.items.create({ id: `i${n}`, cluster: `c${n % 20}`, n, half: Math.floor(n / 2) });
  }
});
after(async () => {
  connection[Symbol.dispose]();
  await cosmos[Symbol.asyncDispose]();
});

async function valuesOf(query: string, options: FeedOptions = {}, limit?: number): Promise<readonly JSONValue[]> {
  const parameters = limit === undefined ? [] : [{ name: "@limit", value: limit }];
  const found = await connection.clusters.items.query<JSONValue>({ query, parameters }, options).fetchAll();
  return found.resources;
}

const numbers = (length: number, from = 0): readonly number[] => Array.from({ length }, (_, index) => from + index);

describe("a container of three partitions", { timeout }, () => {
  it("has three ranges, the whole ring, none of them empty", async () => {
    const { resources } = await connection.clusters.readPartitionKeyRanges().fetchAll();
    assert.deepEqual(
      resources.map(({ minInclusive, maxExclusive }) => [minInclusive, maxExclusive]),
      [
        ["", "1555"],
        ["1555", "2AAA"],
        ["2AAA", "FF"],
      ],
    );
    const found = await Promise.all(
      (await connection.clusters.getFeedRanges()).map(async (range) => {
        const changeFeedStartFrom = ChangeFeedStartFrom.Beginning(range);
        return (await connection.clusters.items.getChangeFeedIterator({ changeFeedStartFrom }).readNext()).count;
      }),
    );
    assert.equal(
      found.reduce((sum, one) => sum + one, 0),
      count,
    );
    assert.ok(Math.min(...found) > 0, String(found));
  });

  it("is queried as a whole, in order, cut and counted by the SDK", async () => {
    assert.deepEqual((await valuesOf("SELECT VALUE c.n FROM c WHERE c.n < 25")).toSorted(compare), numbers(25));
    assert.deepEqual(await valuesOf("SELECT VALUE c.n FROM c ORDER BY c.n"), numbers(count));
    assert.deepEqual(await valuesOf("SELECT VALUE c.n FROM c ORDER BY c.n DESC"), numbers(count).toReversed());
    assert.deepEqual(
      await valuesOf("SELECT TOP @limit VALUE x.n FROM x WHERE x.n > 4 ORDER BY x.n", {}, 9),
      numbers(9, 5),
    );
    assert.deepEqual(await valuesOf("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 7 LIMIT 5"), numbers(5, 7));
    assert.deepEqual(
      await valuesOf("SELECT c.n, c.id AS name FROM c WHERE c.n < 2 OR c.n = 39 ORDER BY c.half DESC, c.n ASC"),
      [39, 0, 1].map((n) => ({ n, name: `i${n}` })),
    );
    assert.equal((await valuesOf("SELECT TOP 7 * FROM c")).length, 7);
    assert.equal((await valuesOf("SELECT * FROM c OFFSET 30 LIMIT 20")).length, 10);
    assert.deepEqual(await valuesOf("SELECT VALUE COUNT(1) FROM c WHERE c.n >= 10"), [30]);
    const whole = (await valuesOf("SELECT * FROM c ORDER BY c.n")) as unknown as readonly Document[];
    assert.deepEqual(
      whole.map(({ id }) => id),
      numbers(count).map((n) => `i${n}`),
    );
  });

  it("is paged across its ranges", async () => {
    for (const query of ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"]) {
      const pages = connection.clusters.items.query<number>(query, { maxItemCount: 3 });
      const found: number[] = [];
      while (pages.hasMoreResults()) found.push(...((await pages.fetchNext()).resources ?? []));
      assert.deepEqual(found.toSorted(compare), numbers(count));
    }
  });

  it("answers a query with a partition key by itself", async () => {
    const options = { partitionKey: "c3" };
    assert.deepEqual(await valuesOf("SELECT VALUE c.n FROM c ORDER BY c.n DESC", options), [23, 3]);
    assert.deepEqual(await valuesOf("SELECT VALUE COUNT(1) FROM c", options), [2]);
    assert.deepEqual(await valuesOf("SELECT TOP 1 VALUE c.n FROM c ORDER BY c.n", options), [3]);
  });

  it("is followed by key and as a whole", async () => {
    assert.equal((await drainFeed(connection.clusters, "c7")).length, 2);
    const changeFeedStartFrom = ChangeFeedStartFrom.Beginning();
    const iterator = connection.clusters.items.getChangeFeedIterator<{ n: number }>({ changeFeedStartFrom });
    const found: number[] = [];
    while (found.length < count) found.push(...(await iterator.readNext()).result.map(({ n }) => n));
    assert.deepEqual(found.toSorted(compare), numbers(count));
  });

  it("gives each range a session of its own", async () => {
    const tokens = await Promise.all(
      numbers(20).map(
        async (n) => (await connection.clusters.item(`i${n}`, `c${n}`).read()).headers["x-ms-session-token"],
      ),
    );
    assert.deepEqual(new Set(tokens.map((token) => String(token).split(":")[0])), new Set(["0", "1", "2"]));
  });

  it("does bulk operations of several ranges", async () => {
    const results = await connection.changes.items.executeBulkOperations(
      numbers(30).map((n) => ({
        operationType: "Create",
        partitionKey: `c${n}`,
        resourceBody: { id: "a", cluster: `c${n}` },
      })),
    );
    assert.ok(results.every(({ response }) => response?.statusCode === 201));
  });

  it("refuses a sum that has no place", async () => {
    await refused(valuesOf("SELECT VALUE [COUNT(1)] FROM c", { partitionKey: "c1" }), 400);
  });
});

function compare(one: JSONValue, other: JSONValue): number {
  return Number(one) - Number(other);
}
