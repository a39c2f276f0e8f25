import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readChangeFeed } from "./change-feed.ts";
import { createTestContainer, type TestContainer } from "./test-container.ts";

function page(container: TestContainer, request: { after?: number; since?: number; maxItems?: number; key?: string }) {
  const { after = 0, since = 0, maxItems = 100, key } = request;
  const scope = key === undefined ? ({ kind: "all" } as const) : ({ kind: "key", key: [key] } as const);
  const { items, position } = readChangeFeed(container.data, { scope, after, since, maxItems }, container.now);
  return [items.map(({ id }) => id).join(""), position];
}

function create(id: string) {
  return { kind: "create", partitionKey: ["p"], document: { id, pk: "p" } } as const;
}

describe("readChangeFeed()", () => {
  it("goes on from its position", () => {
    const container = createTestContainer();
    for (const id of ["a", "b", "c"]) container.put({ id, pk: "p" });
    assert.deepEqual(page(container, { maxItems: 2 }), ["ab", 2]);
    assert.deepEqual(page(container, { after: 2, maxItems: 2 }), ["c", 3]);
    assert.deepEqual(page(container, { after: 3 }), ["", 3]);
  });

  it("moves on over what is not in its scope", () => {
    const container = createTestContainer();
    container.put({ id: "a", pk: "p" });
    container.put({ id: "b", pk: "q" });
    assert.deepEqual(page(container, { key: "p" }), ["a", 2]);
    assert.deepEqual(page(container, { key: "none" }), ["", 2]);
  });

  it("takes a transaction whole, also over the page size", () => {
    const container = createTestContainer();
    container.run(create("a"), create("b"), create("c"));
    container.run(create("d"));
    assert.deepEqual(page(container, { maxItems: 1 }), ["abc", 1]);
    assert.deepEqual(page(container, { after: 1, maxItems: 1 }), ["d", 2]);
  });

  it("begins at a second", () => {
    const container = createTestContainer();
    container.put({ id: "a", pk: "p" });
    container.now += 5_000;
    container.put({ id: "b", pk: "p" });
    const second = Math.floor(container.now / 1000);
    assert.deepEqual(page(container, { since: second }), ["b", 2]);
    assert.deepEqual(page(container, { since: second + 1 }), ["", 2]);
  });

  it("cuts a page at 4 MB", () => {
    const container = createTestContainer();
    for (const id of ["a", "b", "c"]) container.put({ id, pk: "p", text: "x".repeat(1_900_000) });
    assert.deepEqual(page(container, {}), ["ab", 2]);
  });
});
