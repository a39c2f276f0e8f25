import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import type { CosmosCore } from "../../local/cosmos/core/cosmos-core.ts";
import { type CosmosFault, cosmosFault } from "../../local/cosmos/core/cosmos-fault.ts";
import { type FaultPlan, parseFaultPlan } from "../../local/faults/fault-plan.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import { joinCluster, readHead, writeHead } from "../../shared/store/cluster-store.ts";
import { refusedWith } from "./refused-with.ts";

export interface FaultyOptions {
  readonly plan?: FaultPlan<CosmosFault>;
  /** A second, of each container. */
  readonly requestUnits?: number;
  readonly partitionBytes?: number;
  /** How long a store tries again, ms. */
  readonly retryFor?: number;
  /** How long a store waits for an answer, ms. */
  readonly answerWithin?: number;
}

export interface FaultyStores extends AsyncDisposable {
  readonly core: CosmosCore;
  /** A client with a session of its own. */
  client(): DocumentStore;
}

const timeout = 60_000;

type Open = (options: FaultyOptions) => Promise<FaultyStores>;

interface Numbered {
  readonly n: number;
}

/** What a DocumentStore over Cosmos DB does where the service is not kind. */
export function documentStoreFaults(name: string, open: Open): void {
  describe(`DocumentStore under faults: ${name}`, { timeout }, () => {
    describe("what was not done", () => refusals(open));
    describe("throttling", () => throttling(open));
    describe("unclear answers", () => unclear(open));
    describe("sessions", () => sessions(open));
    describe("the account", () => account(open));
  });
}

const plan = (...faults: readonly object[]): FaultPlan<CosmosFault> => {
  return parseFaultPlan(JSON.stringify({ seed: 1, faults }), cosmosFault);
};
const document = (partition: string, n: number, id = "a") => ({ id, partition, body: { n } });
const numberOf = async (store: DocumentStore, partition: string, id = "a") =>
  (await store.get<Numbered>("clusters", partition, id))?.body.n;

function refusals(open: Open): void {
  it("is done at another attempt: retry-with, a partition on the move, a busy moment", async () => {
    for (const status of [449, 410, 429]) {
      await using stores = await open({ plan: plan({ fault: "refused", on: "any", status, at: [1, 2, 4] }) });
      const [store, partition] = [stores.client(), randomUUID()];
      await store.batch("clusters", [{ kind: "create", document: document(partition, status) }]);
      assert.equal(await numberOf(store, partition), status);
    }
  });

  it("is unavailable when that never ends", async () => {
    for (const status of [449, 410]) {
      await using stores = await open({ plan: plan({ fault: "refused", on: "write", status }), retryFor: 200 });
      const [store, partition] = [stores.client(), randomUUID()];
      await refusedWith("unavailable", store.put("clusters", document(partition, 1)));
      assert.equal(await numberOf(store, partition), undefined);
    }
  });

  it("is said of a container that is not there, not taken for a missing document", async () => {
    await using stores = await open({});
    stores.core.account.deleteContainer("weft", "changes");
    const store = stores.client();
    await refusedWith("unexpected", store.get("changes", "p", "a"));
    await refusedWith("unexpected", store.put("changes", document("p", 1)));
    await refusedWith("unexpected", store.batch("changes", [{ kind: "create", document: document("p", 1) }]));
    await refusedWith("unexpected", store.list("changes", "p", { prefix: "", limit: 1 }));
  });

  it("is too large for a partition that is full; another one has room", async () => {
    await using stores = await open({ partitionBytes: 3_000 });
    const store = stores.client();
    const big = (partition: string, id: string) => ({ id, partition, body: { text: "x".repeat(2_000) } });
    await store.put("clusters", big("p", "a"));
    await refusedWith("too-large", store.put("clusters", big("p", "b")));
    await refusedWith("too-large", store.batch("clusters", [{ kind: "create", document: big("p", "b") }]));
    await store.put("clusters", big("p", "a"));
    await store.put("clusters", big("q", "b"));
  });
}

function throttling(open: Open): void {
  it("waits as long as the service asks, then goes on", async () => {
    await using stores = await open({ requestUnits: 100 });
    const [store, partition] = [stores.client(), randomUUID()];
    for (let n = 0; n < 30; n += 1) await store.put("clusters", document(partition, n, `d${n}`));
    assert.equal((await store.list("clusters", partition, { prefix: "", limit: 100 })).length, 30);
  });

  it("is throttled when its time is over, and did nothing", async () => {
    await using stores = await open({ requestUnits: 0.1, retryFor: 100 });
    const [store, partition] = [stores.client(), randomUUID()];
    await store.put("clusters", document(partition, 1));
    await refusedWith("throttled", store.put("clusters", document(partition, 2)));
    await refusedWith("throttled", store.batch("clusters", [{ kind: "put", document: document(partition, 2) }]));
    await refusedWith("throttled", store.get("clusters", partition, "a"));
    await refusedWith("throttled", store.list("clusters", partition, { prefix: "", limit: 1 }));
  });
}

function unclear(open: Open): void {
  it("are unavailable, done or not", async () => {
    for (const [fault, done] of [
      ["answer-lost", 1],
      ["request-lost", undefined],
    ] as const) {
      await using stores = await open({ plan: plan({ fault, on: "write", at: [1, 2] }) });
      const [store, partition] = [stores.client(), randomUUID()];
      await refusedWith("unavailable", store.put("clusters", document(partition, 1)));
      assert.equal(await numberOf(store, partition), done);
      const batch = store.batch("clusters", [{ kind: "create", document: document(partition, 1, "b") }]);
      await refusedWith("unavailable", batch);
      assert.equal(await numberOf(store, partition, "b"), done);
    }
  });

  it("are those of a service that is away or says nothing for too long", async () => {
    for (const status of [500, 503, 408]) {
      await using stores = await open({ plan: plan({ fault: "refused", on: "write", status }) });
      await refusedWith("unavailable", stores.client().put("clusters", document("p", 1)));
    }
    const silent = plan({ fault: "answer-lost", on: "any", milliseconds: 60_000 });
    await using stores = await open({ plan: silent, answerWithin: 200 });
    await refusedWith("unavailable", stores.client().put("clusters", document("p", 1)));
    await refusedWith("unavailable", stores.client().get("clusters", "p", "a"));
  });

  it("of a write of the head are settled by its write id", async () => {
    for (const fault of ["answer-lost", "request-lost"]) {
      await using stores = await open({ plan: plan({ fault, on: "write", at: [3] }) });
      const [store, cluster] = [stores.client(), randomUUID()];
      await joinCluster(store, cluster, { kid: "k", publicKey: "none" });
      const before = await readHead(store, cluster);
      assert.ok(before);
      const written = writeHead(store, cluster, { before, head: { ...before.head, version: 1 } });
      if (fault === "answer-lost") assert.equal(await written, true);
      else await refusedWith("unavailable", written);
      assert.equal((await readHead(store, cluster))?.head.version, fault === "answer-lost" ? 1 : 0);
    }
  });
}

function sessions(open: Open): void {
  const stale = { fault: "stale", on: "any", milliseconds: 60_000 };

  it("read what they wrote, whatever replica answers", async () => {
    await using stores = await open({ plan: plan(stale) });
    const [one, other, partition] = [stores.client(), stores.client(), randomUUID()];
    for (let n = 1; n <= 5; n += 1) {
      await one.put("clusters", document(partition, n));
      assert.equal(await numberOf(one, partition), n);
      assert.deepEqual(await one.list("clusters", partition, { prefix: "", limit: 9 }), [{ n }]);
    }
    assert.equal(await numberOf(other, partition), undefined);
    assert.deepEqual(await other.partitionsWith("clusters", "a"), []);
  });

  it("are up to date after a write of theirs was refused, and never go back", async () => {
    await using stores = await open({ plan: plan(stale) });
    const [one, other, partition] = [stores.client(), stores.client(), randomUUID()];
    await one.put("clusters", document(partition, 1));
    const create = other.batch("clusters", [{ kind: "create", document: document(partition, 2) }]);
    await refusedWith("precondition-failed", create);
    assert.equal(await numberOf(other, partition), 1);
    await one.put("clusters", document(partition, 3));
    assert.equal(await numberOf(other, partition), 1);
  });

  it("wait for a replica that is behind; such an answer says nothing of the document", async () => {
    const behind = { fault: "refused", on: "read", status: 404, substatus: 1002 };
    await using stores = await open({ plan: plan({ ...behind, at: [1, 2] }) });
    const [store, partition] = [stores.client(), randomUUID()];
    await store.put("clusters", document(partition, 1));
    assert.equal(await numberOf(store, partition), 1);
    await using others = await open({ plan: plan(behind), retryFor: 500 });
    await refusedWith("unavailable", others.client().get("clusters", partition, "a"));
  });
}

function account(open: Open): void {
  it("put back to an older point has what it had, with the etags that it had", async () => {
    await using stores = await open({});
    const [store, partition] = [stores.client(), randomUUID()];
    await store.put("clusters", document(partition, 1));
    await store.put("clusters", document(partition, 1, "gone"));
    const before = await store.get("clusters", partition, "a");
    const time = stores.core.writeContext().now;
    while (stores.core.writeContext().now <= time) await store.get("clusters", partition, "wait");
    await store.put("clusters", document(partition, 2));
    await store.put("clusters", document(partition, 2, "new"));
    const after = await store.get("clusters", partition, "a");
    stores.core.restore(time);
    assert.deepEqual(await store.get("clusters", partition, "a"), before);
    assert.deepEqual(await store.list("clusters", partition, { prefix: "", limit: 9 }), [{ n: 1 }, { n: 1 }]);
    const late = { kind: "replace", document: document(partition, 3), etag: after?.etag ?? "" } as const;
    await refusedWith("precondition-failed", store.batch("clusters", [late]));
    await store.batch("clusters", [{ ...late, etag: before?.etag ?? "" }]);
    assert.equal(await numberOf(store, partition), 3);
  });
}
