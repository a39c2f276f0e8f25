import assert from "node:assert/strict";
import { Agent } from "node:https";
import { describe, it } from "node:test";
import { CosmosClient, ErrorResponse } from "@azure/cosmos";
import { containers } from "../../infra/containers.ts";
import { cosmosFault } from "../../local/cosmos/core/cosmos-fault.ts";
import type { RoleAssignment } from "../../local/cosmos/core/rights.ts";
import { connect, type Document, newCluster } from "../../local/cosmos/sdk-harness.ts";
import { type CosmosOptions, startCosmos } from "../../local/cosmos/start-cosmos.ts";
import { credential, selfSigned, unsignedToken } from "../../local/cosmos/test-credentials.ts";
import { parseFaultPlan } from "../../local/faults/fault-plan.ts";

// What the unmodified SDK is told when the service does not do what it was asked: status, sub-status, body, headers.

const timeout = 30_000;

function start(options: CosmosOptions = {}, ...faults: readonly object[]) {
  const plan = parseFaultPlan(JSON.stringify({ faults }), cosmosFault);
  return startCosmos({ databases: [{ id: "weft", containers }], faults: plan, ...options });
}

/** A client that tries nothing twice. */
function client({ endpoint, key }: { readonly endpoint: string; readonly key: string }, consistent = false) {
  const connectionPolicy = { enableEndpointDiscovery: false, retryOptions: { maxRetryAttemptCount: 0 } };
  const consistencyLevel = consistent ? { consistencyLevel: "Session" as const } : {};
  const sdk = new CosmosClient({ endpoint, key, connectionPolicy, ...consistencyLevel });
  return { clusters: sdk.database("weft").container("clusters"), [Symbol.dispose]: () => sdk.dispose() };
}

async function refusal(request: Promise<unknown>): Promise<ErrorResponse> {
  const error = await request.then(
    () => assert.fail("not refused"),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof ErrorResponse, String(error));
  return error;
}

describe("throttled requests", { timeout }, () => {
  it("say 429/3200 and how long to wait, and do nothing", async () => {
    await using cosmos = await start({ requestUnits: 0.1 });
    using sdk = client(cosmos);
    const cluster = newCluster();
    await sdk.clusters.items.create({ id: "a", cluster });
    const error = await refusal(sdk.clusters.items.create({ id: "b", cluster }));
    assert.deepEqual([error.code, error.substatus, error.body?.code], [429, 3200, "429"]);
    assert.match(error.message, /Request rate is large/);
    assert.ok((error.retryAfterInMs ?? 0) > 500, String(error.retryAfterInMs));
    assert.equal(error.headers?.["x-ms-retry-after-ms"], String(error.retryAfterInMs));
  });

  it("are retried by the SDK itself", async () => {
    await using cosmos = await start({ requestUnits: 25 });
    using connection = connect(cosmos);
    const cluster = newCluster();
    const created = await Promise.all(
      Array.from({ length: 12 }, (_, n) => connection.clusters.items.create({ id: String(n), cluster })),
    );
    assert.ok(created.some(({ headers }) => Number(headers["x-ms-throttle-retry-count"]) > 0));
  });

  it("in a bulk are single operations", async () => {
    const fault = { fault: "refused", on: "write", status: 429, substatus: 3200, retryAfter: 5, at: [2] };
    await using cosmos = await start({}, fault);
    using connection = connect(cosmos);
    const cluster = newCluster();
    const results = await connection.clusters.items.executeBulkOperations(
      ["a", "b", "c"].map((id) => ({
        operationType: "Create",
        partitionKey: cluster,
        resourceBody: { id, cluster },
      })),
    );
    assert.deepEqual(
      results.map(({ response, error }) => response?.statusCode ?? error?.code),
      [201, 201, 201],
    );
  });
});

describe("sessions", { timeout }, () => {
  const stale = { fault: "stale", on: "any", milliseconds: 60_000 };

  it("give a client that shows its token what it wrote; others see an older state", async () => {
    await using cosmos = await start({}, stale);
    using sdk = client(cosmos, true);
    using other = client(cosmos);
    const cluster = newCluster();
    const { headers } = await sdk.clusters.items.create({ id: "a", cluster });
    const read = await sdk.clusters.item("a", cluster).read<Document>();
    assert.equal(read.headers["x-ms-session-token"], headers["x-ms-session-token"]);
    assert.equal((await other.clusters.item("a", cluster).read()).statusCode, 404);
    const shown = { sessionToken: String(headers["x-ms-session-token"]), consistencyLevel: "Session" };
    assert.equal((await other.clusters.item("a", cluster).read(shown)).statusCode, 200);
    const everywhere = await sdk.clusters.items.readAll<Document>().fetchAll();
    assert.equal(everywhere.resources.length, 1);
  });

  it("that nobody has come to yet are refused with 404/1002", async () => {
    await using cosmos = await start();
    using sdk = client(cosmos);
    const cluster = newCluster();
    await sdk.clusters.items.create({ id: "a", cluster });
    const shown = { sessionToken: "0:-1#99", consistencyLevel: "Session" };
    const { statusCode, substatus } = await sdk.clusters.item("a", cluster).read(shown);
    assert.deepEqual([statusCode, substatus], [404, 1002]);
  });
});

describe("what is not there, and what is full", { timeout }, () => {
  it("is told apart: an item, its container, its database", async () => {
    await using cosmos = await start();
    using connection = connect(cosmos);
    const { client: sdk, clusters } = connection;
    assert.equal((await clusters.item("none", "c").read()).substatus, undefined);
    for (const container of [sdk.database("weft").container("none"), sdk.database("none").container("clusters")]) {
      assert.equal((await container.item("a", "c").read()).substatus, 1003);
      assert.equal((await refusal(container.items.create({ id: "a", cluster: "c" }))).code, 404);
    }
  });

  it("a partition key at its limit is refused with 403/1014, and takes deletes", async () => {
    await using cosmos = await start({ partitionBytes: 2_000 });
    using connection = connect(cosmos);
    const { clusters } = connection;
    const text = "x".repeat(1_200);
    await clusters.items.create({ id: "a", cluster: "c", text });
    const { code, substatus } = await refusal(clusters.items.create({ id: "b", cluster: "c", text }));
    assert.deepEqual([code, substatus], [403, 1014]);
    await clusters.items.create({ id: "b", cluster: "other", text });
    await clusters.item("a", "c").delete();
    await clusters.items.create({ id: "b", cluster: "c", text });
  });

  it("connections break without an answer where one is lost", async () => {
    await using cosmos = await start({}, { fault: "answer-lost", on: "write", at: [1] });
    using sdk = client(cosmos);
    await assert.rejects(sdk.clusters.items.create({ id: "a", cluster: "c" }), { code: "ECONNRESET" });
    assert.equal((await sdk.clusters.item("a", "c").read()).statusCode, 200);
  });
});

describe("identities", { timeout }, () => {
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const roles: readonly RoleAssignment[] = [
    { principal: "reader", role: "reader", scope: "/dbs/weft" },
    { principal: "gateway", role: "reader", scope: "/dbs/weft/colls/clusters" },
    { principal: "functions", role: "contributor", scope: "/" },
  ];

  it("do what their roles say, in the scope of these", async () => {
    const tls = selfSigned();
    await using cosmos = await start({ tls, roles });
    const agent = new Agent({ ca: tls.cert, keepAlive: true });
    const as = (oid: string) =>
      connect(cosmos, { aadCredentials: credential(unsignedToken({ oid, exp: inAnHour })), agent });
    using functions = as("functions");
    using reader = as("reader");
    using gateway = as("gateway");
    using stranger = as("stranger");
    const document = { id: "a", cluster: "c" };
    for (const container of [functions.clusters, functions.changes]) await container.items.create(document);
    const read = async (from: typeof reader.clusters) => (await from.item("a", "c").read()).statusCode;
    assert.deepEqual(
      [await read(reader.clusters), await read(reader.changes), await read(gateway.clusters)],
      [200, 200, 200],
    );
    assert.equal((await gateway.clusters.items.query("SELECT * FROM c").fetchAll()).resources.length, 1);
    const told = async (request: Promise<unknown>) => {
      const { code, substatus } = await refusal(request);
      return [code, substatus];
    };
    for (const { clusters } of [reader, gateway]) {
      assert.deepEqual(await told(clusters.items.upsert(document)), [403, 5302]);
      assert.deepEqual(await told(clusters.item("a", "c").replace(document)), [403, 5302]);
      assert.deepEqual(await told(clusters.item("a", "c").delete()), [403, 5302]);
      assert.deepEqual(await told(clusters.item("a", "c").patch([{ op: "set", path: "/n", value: 1 }])), [403, 5302]);
      const batch = clusters.items.batch([{ operationType: "Create", resourceBody: { id: "b", cluster: "c" } }], "c");
      await assert.rejects(batch, (error: Error) => error.cause instanceof ErrorResponse && error.cause.code === 403);
    }
    assert.deepEqual(await told(gateway.changes.item("a", "c").read()), [403, 5302]);
    assert.deepEqual(
      await told(gateway.changes.items.query("SELECT * FROM c", { partitionKey: "c" }).fetchAll()),
      [403, 5302],
    );
    assert.deepEqual(await told(stranger.clusters.item("a", "c").read()), [403, 5301]);
    agent.destroy();
  });
});
