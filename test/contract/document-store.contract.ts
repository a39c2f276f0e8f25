import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { BatchOperation, DocumentStore, NewDocument } from "../../shared/ports/document-store.ts";
import { eventually } from "../support/eventually.ts";
import { refusedWith } from "./refused-with.ts";

export interface OpenedStore extends AsyncDisposable {
  readonly store: DocumentStore;
}

const timeout = 60_000;

/** What every DocumentStore does. `open` gives a store with the mesh's containers; the suite stays within partitions that nobody else has. */
export function documentStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`DocumentStore: ${name}`, { timeout }, () => {
    let opened: OpenedStore;
    let store: DocumentStore;
    before(async () => {
      opened = await open();
      ({ store } = opened);
    });
    after(() => opened[Symbol.asyncDispose]());

    describe("single documents", () => singleDocuments(() => store));
    describe("batches", () => batches(() => store));
    describe("limits", () => limits(() => store));
    describe("lists", () => lists(() => store));
    describe("sweeping", () => sweeping(() => store));
  });
}

type Stored = () => DocumentStore;

interface Numbered {
  readonly n: number;
}

function singleDocuments(store: Stored): void {
  it("has nothing where nothing was put", async () => {
    assert.equal(await store().get("clusters", newPartition(), "contract"), undefined);
  });

  it("gives back what was put, as JSON would", async () => {
    const partition = newPartition();
    const body = {
      text: 'ü "quoted" \u2028 line',
      n: 1.5,
      none: null,
      list: [1, [], {}],
      gone: undefined,
      etag: "own",
      id: "own",
    };
    await store().put("clusters", { id: "contract", partition, body });
    const stored = await store().get("clusters", partition, "contract");
    assert.ok(stored !== undefined);
    assert.deepEqual(stored.body, JSON.parse(JSON.stringify(body)));
    assert.ok(stored.etag.length > 0);
  });

  it("keeps a copy: what is done to a body later is not seen", async () => {
    const partition = newPartition();
    const body = { n: 1 };
    await store().put("clusters", { id: "contract", partition, body });
    body.n = 2;
    const first = await store().get<{ n: number }>("clusters", partition, "contract");
    assert.ok(first);
    first.body.n = 3;
    assert.equal((await store().get<Numbered>("clusters", partition, "contract"))?.body.n, 1);
  });

  it("overwrites on put, and gives another etag for every write", async () => {
    const partition = newPartition();
    const etags = new Set<string>();
    for (const n of [1, 2, 2]) {
      await store().put("clusters", { id: "contract", partition, body: { n } });
      const stored = await store().get<Numbered>("clusters", partition, "contract");
      assert.equal(stored?.body.n, n);
      etags.add(stored.etag);
    }
    assert.equal(etags.size, 3);
  });

  it("tells documents of one id apart by partition and by container", async () => {
    const [one, other] = [newPartition(), newPartition()];
    await store().put("clusters", { id: "contract", partition: one, body: { n: 1 } });
    await store().put("clusters", { id: "contract", partition: other, body: { n: 2 } });
    await store().put("changes", { id: "contract", partition: one, body: { n: 3 } });
    const read = async (container: "clusters" | "changes", partition: string) =>
      (await store().get<Numbered>(container, partition, "contract"))?.body.n;
    assert.deepEqual(
      [
        await read("clusters", one),
        await read("clusters", other),
        await read("changes", one),
        await read("changes", other),
      ],
      [1, 2, 3, undefined],
    );
  });

  it("drops a document after its ttl", async () => {
    const partition = newPartition();
    await store().put("rejected", { id: "short", partition, body: {}, ttl: 1 });
    await store().put("rejected", { id: "long", partition, body: {}, ttl: 1000 });
    await eventually(
      "the document is gone",
      async () => (await store().get("rejected", partition, "short")) === undefined,
    );
    assert.ok(await store().get("rejected", partition, "long"));
    assert.equal((await store().list("rejected", partition, { prefix: "", limit: 10 })).length, 1);
  });

  it("refuses a document above 2 MB as too large", async () => {
    const document = { id: "contract", partition: newPartition(), body: { text: "x".repeat(2.1 * 1024 * 1024) } };
    await refusedWith("too-large", store().put("blocks", document));
    assert.equal(await store().get("blocks", document.partition, document.id), undefined);
  });
}

function limits(store: Stored): void {
  const document = (id: string, body: object = {}, ttl?: number): NewDocument => {
    return { id, partition: newPartition(), body, ...(ttl === undefined ? {} : { ttl }) };
  };

  it("refuses ids that no document can have", async () => {
    for (const id of ["", "a/b", "a\\b", "a#b", "a?b", "x".repeat(1024)]) {
      await refusedWith("unexpected", store().put("clusters", document(id)));
      await refusedWith("unexpected", store().batch("clusters", [{ kind: "create", document: document(id) }]));
    }
  });

  it("refuses a time to live that is none", async () => {
    for (const ttl of [0, -2, 1.5]) await refusedWith("unexpected", store().put("rejected", document("a", {}, ttl)));
  });

  it("drops nothing from a container whose documents do not expire", async () => {
    const [short, expiring] = [document("short", {}, 1), document("short", {}, 1)];
    await store().put("clusters", short);
    await store().put("rejected", expiring);
    await eventually("the other document is gone", async () => {
      return (await store().get("rejected", expiring.partition, expiring.id)) === undefined;
    });
    assert.ok(await store().get("clusters", short.partition, short.id));
  });

  it("refuses a batch of more than 100 operations, of more than 2 MB and of two partitions, and does nothing of it", async () => {
    const partition = newPartition();
    const put = (id: string, body: object, where = partition): BatchOperation => {
      return { kind: "put", document: { id, partition: where, body } };
    };
    const many = Array.from({ length: 101 }, (_, n) => put(`d${n}`, {}));
    await refusedWith("too-large", store().batch("clusters", many));
    const text = "x".repeat(1.1 * 1024 * 1024);
    await refusedWith("too-large", store().batch("clusters", [put("a", { text }), put("b", { text })]));
    await refusedWith("unexpected", store().batch("clusters", [put("a", {}), put("b", {}, newPartition())]));
    assert.deepEqual(await store().list("clusters", partition, { prefix: "", limit: 10 }), []);
  });
}

function batches(store: Stored): void {
  const document = (partition: string, id: string, n: number): NewDocument => ({ id, partition, body: { n } });
  const numberOf = async (partition: string, id: string) =>
    (await store().get<Numbered>("clusters", partition, id))?.body.n;

  it("does all of a batch", async () => {
    const partition = newPartition();
    await store().put("clusters", document(partition, "b", 0));
    const etag = (await store().get("clusters", partition, "b"))?.etag ?? "";
    await store().batch("clusters", [
      { kind: "create", document: document(partition, "a", 1) },
      { kind: "replace", document: document(partition, "b", 2), etag },
      { kind: "put", document: document(partition, "c", 3) },
    ]);
    assert.deepEqual(await Promise.all(["a", "b", "c"].map((id) => numberOf(partition, id))), [1, 2, 3]);
  });

  it("takes 100 operations, and none", async () => {
    const partition = newPartition();
    const operations = Array.from({ length: 100 }, (_, n) => {
      return { kind: "put", document: document(partition, `d${n}`, n) } as const;
    });
    await store().batch("clusters", operations);
    await store().batch("clusters", []);
    assert.equal((await store().list("clusters", partition, { prefix: "d", limit: 1000 })).length, 100);
  });

  it("refuses to create what exists, and does nothing else of the batch", async () => {
    const partition = newPartition();
    await store().put("clusters", document(partition, "a", 1));
    const batch = store().batch("clusters", [
      { kind: "put", document: document(partition, "b", 2) },
      { kind: "create", document: document(partition, "a", 2) },
      { kind: "put", document: document(partition, "c", 2) },
    ]);
    await refusedWith("precondition-failed", batch);
    assert.deepEqual(await Promise.all(["a", "b", "c"].map((id) => numberOf(partition, id))), [
      1,
      undefined,
      undefined,
    ]);
  });

  it("refuses to replace what was written meanwhile", async () => {
    const partition = newPartition();
    await store().put("clusters", document(partition, "a", 1));
    const etag = (await store().get("clusters", partition, "a"))?.etag ?? "";
    await store().put("clusters", document(partition, "a", 2));
    await refusedWith(
      "precondition-failed",
      store().batch("clusters", [{ kind: "replace", document: document(partition, "a", 3), etag }]),
    );
    assert.equal(await numberOf(partition, "a"), 2);
  });

  it("refuses to replace what is not there", async () => {
    const partition = newPartition();
    await store().put("clusters", document(partition, "other", 1));
    const etag = (await store().get("clusters", partition, "other"))?.etag ?? "";
    await refusedWith(
      "precondition-failed",
      store().batch("clusters", [{ kind: "replace", document: document(partition, "a", 3), etag }]),
    );
    assert.equal(await numberOf(partition, "a"), undefined);
  });

  it("shows each operation what those before it did", async () => {
    const partition = newPartition();
    await refusedWith(
      "precondition-failed",
      store().batch("clusters", [
        { kind: "put", document: document(partition, "a", 1) },
        { kind: "create", document: document(partition, "a", 2) },
      ]),
    );
    assert.equal(await numberOf(partition, "a"), undefined);
    await store().batch("clusters", [
      { kind: "create", document: document(partition, "a", 1) },
      { kind: "put", document: document(partition, "a", 2) },
    ]);
    assert.equal(await numberOf(partition, "a"), 2);
  });

  it("lets exactly one of many win that have read the same etag", async () => {
    const partition = newPartition();
    await store().put("clusters", document(partition, "a", 0));
    const etag = (await store().get("clusters", partition, "a"))?.etag ?? "";
    const results = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((n) =>
        store().batch("clusters", [{ kind: "replace", document: document(partition, "a", n), etag }]),
      ),
    );
    const winners = results.flatMap((result, index) => (result.status === "fulfilled" ? [index + 1] : []));
    assert.equal(winners.length, 1);
    for (const result of results)
      if (result.status === "rejected") await refusedWith("precondition-failed", Promise.reject(result.reason));
    assert.equal(await numberOf(partition, "a"), winners[0]);
  });
}

function lists(store: Stored): void {
  const put = (partition: string, ids: readonly string[]) =>
    Promise.all(ids.map((id) => store().put("changes", { id, partition, body: { id } })));
  const list = async (partition: string, prefix: string, limit = 100) =>
    (await store().list<{ readonly id: string }>("changes", partition, { prefix, limit })).map(({ id }) => id);

  it("lists by prefix, ids ascending, one partition alone", async () => {
    const [partition, other] = [newPartition(), newPartition()];
    await put(partition, ["point:2", "point:10", "Point:1", "pointer", "point:1", "points"]);
    await put(other, ["point:3"]);
    assert.deepEqual(await list(partition, "point:"), ["point:1", "point:10", "point:2"]);
    assert.deepEqual(await list(partition, ""), ["Point:1", "point:1", "point:10", "point:2", "pointer", "points"]);
    assert.deepEqual(await list(partition, "q"), []);
  });

  it("takes a prefix as it stands", async () => {
    const partition = newPartition();
    await put(partition, ["a%b", "a_b", "axb", "a'b"]);
    assert.deepEqual(await list(partition, "a_"), ["a_b"]);
    assert.deepEqual(await list(partition, "a%"), ["a%b"]);
    assert.deepEqual(await list(partition, "a'"), ["a'b"]);
  });

  it("gives the last ones where there are more than the limit", async () => {
    const partition = newPartition();
    await put(partition, ["c1", "c2", "c3", "c4"]);
    assert.deepEqual(await list(partition, "c", 2), ["c3", "c4"]);
  });

  it("lists more than fits one page", async () => {
    const partition = newPartition();
    const ids = Array.from({ length: 250 }, (_, n) => `d${String(n).padStart(4, "0")}`);
    for (let from = 0; from < ids.length; from += 50) await put(partition, ids.slice(from, from + 50));
    assert.deepEqual(await list(partition, "d", 1000), ids);
    assert.deepEqual(await list(partition, "d", 120), ids.slice(-120));
  });

  it("finds the partitions that hold an id, across all", async () => {
    const id = `contract-${randomUUID()}`;
    const partitions = [newPartition(), newPartition(), newPartition()];
    for (const partition of partitions) await store().put("changes", { id, partition, body: {} });
    await store().put("clusters", { id, partition: newPartition(), body: {} });
    assert.deepEqual(await store().partitionsWith("changes", id), partitions.toSorted());
    assert.deepEqual(await store().partitionsWith("changes", `${id}-other`), []);
  });
}

function newPartition(): string {
  return `contract-${randomUUID()}`;
}

function sweeping(store: Stored): void {
  it("pages through the marks of a partition by id, with etag and time", async () => {
    const partition = newPartition();
    const before = Math.floor(Date.now() / 1000) * 1000;
    for (const id of ["b", "place", "a", "resource:x"]) await store().put("blocks", { id, partition, body: {} });
    const marks = (after: string) => store().sweeping?.marks("blocks", partition, { after, limit: 3 });
    const first = await marks("");
    assert.deepEqual(
      first?.map(({ id }) => id),
      ["a", "b", "place"],
    );
    const [mark] = first ?? [];
    assert.equal(mark?.etag, (await store().get("blocks", partition, "a"))?.etag);
    assert.ok((mark?.written ?? 0) >= before);
    assert.deepEqual(
      (await marks("place"))?.map(({ id }) => id),
      ["resource:x"],
    );
  });

  it("removes what has the etag, and nothing that was written since or is gone", async () => {
    const partition = newPartition();
    const remove = (etag: string) => store().sweeping?.remove("blocks", partition, { id: "a", etag });
    await store().put("blocks", { id: "a", partition, body: { n: 1 } });
    const old = (await store().get("blocks", partition, "a"))?.etag ?? "";
    await store().put("blocks", { id: "a", partition, body: { n: 1 } });
    assert.equal(await remove(old), false);
    const { etag = "" } = (await store().get("blocks", partition, "a")) ?? {};
    assert.equal(await remove(etag), true);
    assert.equal(await store().get("blocks", partition, "a"), undefined);
    assert.equal(await remove(etag), false);
  });
}
