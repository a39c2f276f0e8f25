import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "./json.ts";
import type { Operation } from "./operation.ts";
import { createTestContainer } from "./test-container.ts";

const partitionKey = ["p"];
const ifMatch = undefined;

function create(id: string, more: JsonObject = {}): Operation {
  return { kind: "create", partitionKey, document: { id, pk: "p", ...more } };
}

function remove(id: string): Operation {
  return { kind: "delete", partitionKey, id, ifMatch };
}

function rename(id: string, mail: string): Operation {
  return { kind: "upsert", partitionKey, document: { id, pk: "p", mail }, ifMatch };
}

describe("runBatch()", () => {
  it("lets operations see what earlier ones of the batch did", () => {
    const container = createTestContainer();
    const read: Operation = { kind: "read", partitionKey, id: "a", ifNoneMatch: undefined };
    const replace: Operation = {
      kind: "replace",
      partitionKey,
      id: "a",
      document: { id: "a", pk: "p", n: 2 },
      ifMatch: '"1"',
    };
    assert.deepEqual(container.run(create("a"), replace, read, remove("a"), create("a")), [201, 200, 200, 204, 201]);
    assert.equal(container.data.lsn, 1);
    assert.equal(container.data.items({ kind: "all" }, container.now).length, 1);
  });

  it("leaves no trace when one operation fails", () => {
    const container = createTestContainer();
    container.run(create("a"));
    assert.deepEqual(container.run(create("b"), remove("a"), create("a"), create("a")), [424, 424, 424, 409]);
    assert.deepEqual(container.run(remove("a"), remove("nothing")), [424, 404]);
    assert.deepEqual(
      container.data.items({ kind: "all" }, container.now).map(({ id, lsn }) => [id, lsn]),
      [["a", 1]],
    );
  });

  it("takes no lsn for what only reads", () => {
    const container = createTestContainer();
    container.run(create("a"));
    const read: Operation = { kind: "read", partitionKey, id: "a", ifNoneMatch: '"1"' };
    assert.deepEqual(container.run(read), [304]);
    assert.equal(container.data.lsn, 1);
  });

  it("keeps unique keys unique in a partition, also within a batch", () => {
    const container = createTestContainer({ uniqueKeys: [[["mail"]]] });
    assert.deepEqual(container.run(create("a", { mail: "x" }), create("b", { mail: "y" })), [201, 201]);
    assert.deepEqual(container.run(create("c", { mail: "x" })), [409]);
    assert.deepEqual(container.run(create("c", { mail: "z" }), create("d", { mail: "z" })), [424, 409]);
    assert.deepEqual(container.run(rename("a", "w"), create("c", { mail: "x" })), [200, 201]);
    assert.deepEqual(container.run({ ...create("e", { mail: "x" }), partitionKey: ["q"] } as Operation), [400]);
  });

  it("refuses ids and ttls that cannot be", () => {
    const container = createTestContainer();
    for (const id of ["", "a/b", "a\\b", "a#b"]) assert.deepEqual(container.run(create(id)), [400], id);
    for (const ttl of [0, -2, 1.5, "5"]) assert.deepEqual(container.run(create("a", { ttl })), [400], String(ttl));
  });

  it("gives each version an etag of its own and keeps the rid of the item", () => {
    const container = createTestContainer();
    const first = container.put({ id: "a", pk: "p" }).item;
    const second = container.put({ id: "a", pk: "p", _rid: "forged", _etag: "forged" }).item;
    assert.notEqual(first.etag, second.etag);
    assert.equal(second.document["_rid"], first.document["_rid"]);
    assert.equal(second.document["_etag"], second.etag);
  });
});
