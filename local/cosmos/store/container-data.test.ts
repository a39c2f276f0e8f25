import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { effectivePartitionKey } from "./effective-partition-key.ts";
import type { Scope } from "./partition.ts";
import { createTestContainer, type TestContainer } from "./test-container.ts";

const all: Scope = { kind: "all" };

function ids(container: TestContainer, scope: Scope): readonly string[] {
  return container.data.items(scope, container.now).map(({ id }) => id);
}

function changes(container: TestContainer, scope: Scope, after = 0): readonly string[] {
  return [...container.data.changes(scope, after, container.now)].map(({ id, lsn }) => `${id}@${lsn}`);
}

describe("createContainerData()", () => {
  it("sees all, a key, a prefix of a key, a range of the ring", () => {
    const container = createTestContainer({ partitionKeyPaths: [["a"], ["b"]] });
    container.put({ id: "1", a: "x", b: "m" });
    container.put({ id: "2", a: "x", b: "n" });
    container.put({ id: "3", a: "y", b: "m" });
    container.put({ id: "4", a: "x" });
    assert.deepEqual(ids(container, all), ["1", "2", "3", "4"]);
    assert.deepEqual(ids(container, { kind: "key", key: ["x", "n"] }), ["2"]);
    assert.deepEqual(ids(container, { kind: "key", key: ["x", undefined] }), ["4"]);
    assert.deepEqual(ids(container, { kind: "key", key: ["x", "other"] }), []);
    assert.deepEqual(ids(container, { kind: "key", key: ["x"] }), ["1", "2", "4"]);
    const min = effectivePartitionKey(["y"]);
    assert.deepEqual(ids(container, { kind: "range", min, max: `${min}FF` }), ["3"]);
    assert.deepEqual(changes(container, { kind: "range", min, max: `${min}FF` }), ["3@3"]);
  });

  it("gives changes in the order of writing, newest versions only, through many rewrites", () => {
    const container = createTestContainer();
    for (let round = 0; round < 100; round += 1) {
      for (const id of ["a", "b", "c"]) container.put({ id, pk: id === "c" ? "other" : "p", round });
    }
    assert.deepEqual(changes(container, all), ["a@298", "b@299", "c@300"]);
    assert.deepEqual(changes(container, all, 298), ["b@299", "c@300"]);
    assert.deepEqual(changes(container, { kind: "key", key: ["p"] }), ["a@298", "b@299"]);
    container.run({ kind: "delete", partitionKey: ["p"], id: "a", ifMatch: undefined });
    assert.deepEqual(changes(container, all), ["b@299", "c@300"]);
    assert.equal(container.data.lsn, 301);
  });

  it("hides what has expired and forgets it when told", () => {
    const container = createTestContainer({ defaultTtl: 10 });
    container.put({ id: "default", pk: "p" });
    container.put({ id: "longer", pk: "p", ttl: 20 });
    container.put({ id: "never", pk: "p", ttl: -1 });
    container.now += 9_999;
    assert.deepEqual(ids(container, all), ["default", "longer", "never"]);
    container.now += 1;
    assert.deepEqual(ids(container, all), ["longer", "never"]);
    container.now += 10_000;
    assert.deepEqual(changes(container, all), ["never@3"]);
    assert.equal([...container.data.changes(all, 0, 0)].length, 3);
    container.data.expire(container.now);
    assert.equal([...container.data.changes(all, 0, 0)].length, 1);
  });

  it("lets nothing expire without a default ttl", () => {
    const container = createTestContainer();
    container.put({ id: "a", pk: "p", ttl: 1 });
    container.now += 1_000_000;
    assert.deepEqual(ids(container, all), ["a"]);
  });
});
