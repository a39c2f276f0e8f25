import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../adapters/memory/document-store.ts";
import type { BatchOperation, Container, DocumentStore } from "../ports/document-store.ts";
import { MeshError, type MeshErrorCode } from "../shell/mesh-error.ts";
import { joinCluster, type ReadHead, readHead, readPublisherKey, writeHead } from "./cluster-store.ts";
import type { ClusterProblems, Head, Point } from "./documents.ts";
import { readMeshSettings } from "./mesh-settings.ts";

const key = { kid: "k1", publicKey: "pem" };

async function joined(): Promise<{ readonly documents: DocumentStore; readonly before: ReadHead }> {
  const documents = createMemoryDocumentStore();
  await joinCluster(documents, "one", key);
  return { documents, before: (await readHead(documents, "one")) as ReadHead };
}

function next({ head }: ReadHead): Omit<Head, "writeId"> {
  const { writeId: _writeId, ...rest } = head;
  return { ...rest, version: head.version + 1 };
}

/** Answers a batch with a fault, after or instead of doing it. */
function faulty(documents: DocumentStore, code: MeshErrorCode, done: boolean): DocumentStore {
  return {
    ...documents,
    async batch(container: Container, operations: readonly BatchOperation[]) {
      if (done) await documents.batch(container, operations);
      throw new MeshError(code, "says the store");
    },
  };
}

test("a cluster that joins gets an empty head with an incarnation of its own, and its key", async () => {
  const { documents, before } = await joined();
  const { head } = before;
  assert.deepEqual(
    [head.version, head.applied, head.refused, head.served],
    [0, { epoch: 0, seq: 0 }, { count: 0, newest: [] }, undefined],
  );
  assert.equal(await readPublisherKey(documents, "one", "k1"), "pem");
  assert.equal(await readPublisherKey(documents, "one", "k2"), undefined);
  assert.equal(await readPublisherKey(documents, "two", "k1"), undefined);
  const other = await joined();
  assert.notEqual(head.incarnation, other.before.head.incarnation);
});

test("a cluster that joins again keeps its head, and gets the further key", async () => {
  const { documents, before } = await joined();
  await joinCluster(documents, "one", { kid: "k2", publicKey: "pem2" });
  assert.deepEqual(await readHead(documents, "one"), before);
  assert.equal(await readPublisherKey(documents, "one", "k2"), "pem2");
});

test("writeHead() writes head, point and problems as one", async () => {
  const { documents, before } = await joined();
  const point = { version: 1, causes: [], time: "t" } as unknown as Point;
  const problems: ClusterProblems = { version: 1, total: 0, problems: [] };
  assert.equal(await writeHead(documents, "one", { before, head: next(before), point, problems }), true);
  const after = (await readHead(documents, "one")) as ReadHead;
  assert.equal(after.head.version, 1);
  assert.notEqual(after.head.writeId, before.head.writeId);
  assert.deepEqual((await documents.get("clusters", "one", "point:000000000001"))?.body, point);
  assert.deepEqual((await documents.get("clusters", "one", "problems"))?.body, problems);
});

test("writeHead() is false when another write came first, and leaves nothing behind", async () => {
  const { documents, before } = await joined();
  await writeHead(documents, "one", { before, head: next(before) });
  const theirs = await readHead(documents, "one");
  const point = { version: 9, causes: [], time: "t" } as unknown as Point;
  assert.equal(await writeHead(documents, "one", { before, head: { ...next(before), version: 9 }, point }), false);
  assert.deepEqual(await readHead(documents, "one"), theirs);
  assert.equal(await documents.get("clusters", "one", "point:000000000009"), undefined);
});

for (const code of ["unavailable", "precondition-failed"] as const) {
  test(`writeHead() is true when the answer was ${code} and the write is there all the same`, async () => {
    const { documents, before } = await joined();
    assert.equal(await writeHead(faulty(documents, code, true), "one", { before, head: next(before) }), true);
  });
}

test("writeHead() throws when the answer was unclear and the write is not there", async () => {
  const { documents, before } = await joined();
  await assert.rejects(writeHead(faulty(documents, "unavailable", false), "one", { before, head: next(before) }), {
    code: "unavailable",
  });
  assert.deepEqual(await readHead(documents, "one"), before);
});

test("writeHead() throws what is clear: throttled, too large", async () => {
  const { documents, before } = await joined();
  for (const code of ["throttled", "too-large"] as const)
    await assert.rejects(writeHead(faulty(documents, code, false), "one", { before, head: next(before) }), { code });
});

test("settings of the mesh are OSM's reading until somebody writes others", async () => {
  const { documents } = await joined();
  assert.deepEqual(await readMeshSettings(documents, "weft"), {
    version: 0,
    policyVersion: 0,
    build: { smiSemantics: "osm" },
  });
  await documents.put("policies", { id: "settings", partition: "weft", body: { version: 4, smiSemantics: "spec" } });
  assert.deepEqual(await readMeshSettings(documents, "weft"), {
    version: 4,
    policyVersion: 0,
    build: { smiSemantics: "spec" },
  });
  assert.equal((await readMeshSettings(documents, "other")).version, 0);
});
