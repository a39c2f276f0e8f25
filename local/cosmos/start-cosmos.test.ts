import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, get } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ChangeFeedStartFrom } from "@azure/cosmos";
import { containers } from "../../infra/containers.ts";
import { connect } from "./sdk-harness.ts";
import { startCosmos } from "./start-cosmos.ts";
import { credential, selfSigned, unsignedToken } from "./test-credentials.ts";

const timeout = 30_000;
const databases = [{ id: "weft", containers }];

describe("startCosmos() with a folder", { timeout }, () => {
  it("has the same items, etags and feed positions after a restart", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cosmos-"));
    try {
      let etag: string;
      let continuation: string;
      {
        await using cosmos = await startCosmos({ dir, databases });
        using connection = connect(cosmos);
        const { items } = connection.clusters;
        ({ etag } = await items.create({ id: "head", cluster: "a", n: 1 }));
        const changeFeedStartFrom = ChangeFeedStartFrom.Beginning();
        continuation = (await items.getChangeFeedIterator({ changeFeedStartFrom }).readNext()).continuationToken;
        await items.create({ id: "point", cluster: "a" });
        await items.create({ id: "gone", cluster: "a" });
        await connection.clusters.item("gone", "a").delete();
      }
      await using cosmos = await startCosmos({ dir, databases });
      using connection = connect(cosmos);
      const { items } = connection.clusters;
      const head = connection.clusters.item("head", "a");
      assert.equal((await head.read()).etag, etag);
      assert.equal((await connection.clusters.item("gone", "a").read()).statusCode, 404);
      const changeFeedStartFrom = ChangeFeedStartFrom.Continuation(continuation);
      const resumed = items.getChangeFeedIterator<{ id: string }>({ changeFeedStartFrom });
      const nextIds = async () => (await resumed.readNext()).result.map(({ id }) => id);
      assert.deepEqual(await nextIds(), ["point"]);
      const accessCondition = { type: "IfMatch", condition: etag };
      const replaced = await head.replace({ id: "head", cluster: "a", n: 2 }, { accessCondition });
      assert.equal(replaced.statusCode, 200);
      assert.equal(replaced.headers["lsn"], "5");
      assert.deepEqual(await nextIds(), ["head"]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it("is after a restart where a restore has put it", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cosmos-"));
    try {
      let etag: string;
      {
        await using cosmos = await startCosmos({ dir, databases });
        using connection = connect(cosmos);
        const { items } = connection.clusters;
        ({ etag } = await items.create({ id: "head", cluster: "a", n: 1 }));
        const point = cosmos.core.writeContext().now;
        while (cosmos.core.writeContext().now <= point) await items.readAll().fetchNext();
        await items.upsert({ id: "head", cluster: "a", n: 2 });
        await items.create({ id: "new", cluster: "a" });
        cosmos.core.restore(point);
      }
      await using cosmos = await startCosmos({ dir, databases });
      using connection = connect(cosmos);
      const { resources } = await connection.clusters.items.readAll<{ id: string; _etag: string }>().fetchAll();
      assert.deepEqual(
        resources.map(({ id, _etag }) => [id, _etag]),
        [["head", etag]],
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it("is refused a folder that another server uses", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cosmos-"));
    try {
      await using _first = await startCosmos({ dir });
      await assert.rejects(startCosmos({ dir }), /in use by process \d+/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it("keeps databases and containers that clients made and deleted", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cosmos-"));
    try {
      {
        await using cosmos = await startCosmos({ dir });
        using connection = connect(cosmos);
        const { database } = await connection.client.databases.create({ id: "made" });
        await database.containers.create({ id: "kept", partitionKey: "/a", defaultTtl: 60 });
        await database.containers.create({ id: "deleted", partitionKey: "/a" });
        await database.container("deleted").delete();
        await database.containers.create({ id: "replaced", partitionKey: "/a", defaultTtl: 60 });
        const { resource } = await database.container("replaced").read();
        const { defaultTtl: _before, ...definition } = resource ?? { id: "", partitionKey: { paths: [] } };
        await database.container("replaced").replace({ ...definition, defaultTtl: -1 });
        const moved = { ...definition, partitionKey: { paths: ["/b"] } };
        await assert.rejects(database.container("replaced").replace(moved), { code: 400 });
      }
      await using cosmos = await startCosmos({ dir });
      using connection = connect(cosmos);
      const { resources } = await connection.client.database("made").containers.readAll().fetchAll();
      assert.deepEqual(
        resources.map(({ id, defaultTtl }) => [id, defaultTtl]),
        [
          ["kept", 60],
          ["replaced", -1],
        ],
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe("startCosmos() and who may do what", { timeout }, () => {
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;

  it("takes bearer tokens over TLS, for data but not for databases and containers", async () => {
    const tls = selfSigned();
    await using cosmos = await startCosmos({ databases, tls });
    assert.match(cosmos.endpoint, /^https:/);
    const agent = new TlsAgent({ ca: tls.cert, keepAlive: true });
    const aadCredentials = credential(unsignedToken({ oid: "gateway", exp: inAnHour }));
    using identity = connect(cosmos, { aadCredentials, agent });
    assert.equal((await identity.clusters.items.create({ id: "head", cluster: "a" })).statusCode, 201);
    assert.equal((await identity.clusters.item("head", "a").read()).statusCode, 200);
    const made = identity.client.database("weft").containers.create({ id: "mine", partitionKey: "/a" });
    await assert.rejects(made, { code: 403, substatus: 5300 });
    await assert.rejects(identity.client.databases.create({ id: "mine" }), { code: 403 });

    using expired = connect(cosmos, { aadCredentials: credential(unsignedToken({ exp: 1 })), agent });
    await assert.rejects(expired.clusters.item("head", "a").read(), { code: 401 });
    using keyed = connect(cosmos, { key: cosmos.key, agent });
    assert.equal((await keyed.clusters.item("head", "a").read()).statusCode, 200);
    agent.destroy();
  });

  it("refuses requests without a signature, with 401", async () => {
    await using cosmos = await startCosmos({ databases });
    const agent = new Agent();
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    get(`${cosmos.endpoint}/dbs`, { agent }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    assert.equal(await promise, 401);
    agent.destroy();
  });
});
