import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import { sealEnvelope } from "../shared/core/events/envelope.ts";
import type { Container } from "../shared/ports/document-store.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { joinCluster } from "../shared/store/cluster-store.ts";
import { createMessageVerifier } from "./verify-messages.ts";

function newKey(kid: string) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { kid, privateKey, publicKey: publicKey.export({ type: "spki", format: "pem" }).toString() };
}

const one = newKey("k1");

async function start(faults = 0) {
  const documents = createMemoryDocumentStore();
  await joinCluster(documents, "one", one);
  let reads = 0;
  const verifier = createMessageVerifier({
    mesh: "weft",
    documents: {
      ...documents,
      async get<Body>(container: Container, partition: string, id: string) {
        reads++;
        if (reads <= faults) throw new MeshError("throttled", "slow down");
        return documents.get<Body>(container, partition, id);
      },
    },
  });
  return { documents, verifier, reads: () => reads };
}

function message(cluster: string, text: string, key = one, mesh = "weft"): object {
  return sealEnvelope(JSON.stringify({ mesh, cluster, text }), key);
}

test("what a cluster's own key signed is taken, in order; the key is read once", async () => {
  const { verifier, reads } = await start();
  const { verified, dropped } = await verifier.verify([message("one", "a"), JSON.stringify(message("one", "b"))]);
  await verifier.verify([message("one", "c")]);
  assert.deepEqual(
    verified.map(({ cluster, text }) => [cluster, (JSON.parse(text) as { text: string }).text]),
    [
      ["one", "a"],
      ["one", "b"],
    ],
  );
  assert.deepEqual([dropped, reads()], [0, 1]);
});

test("what does not verify is dropped and counted, and keeps nothing else back", async () => {
  const { documents, verifier } = await start();
  const two = newKey("k2");
  await joinCluster(documents, "two", two);
  const { verified, dropped } = await verifier.verify([
    message("one", "of another's key", two),
    message("two", "of another's key"),
    message("one", "of a key with the right name", newKey("k1")),
    message("one", "of an unknown key", newKey("k9")),
    message("one", "of another mesh", one, "other"),
    message("One", "of no id"),
    message("one/../two", "of no id"),
    { ...message("one", "forged"), event: "null" },
    null,
    message("one", "good"),
  ]);
  assert.deepEqual([verified.length, dropped], [1, 9]);
});

test("a key that was not there is looked for again: the cluster may join any moment", async () => {
  const { documents, verifier } = await start();
  const two = newKey("k2");
  assert.equal((await verifier.verify([message("two", "early", two)])).dropped, 1);
  await joinCluster(documents, "two", two);
  assert.equal((await verifier.verify([message("two", "now", two)])).dropped, 0);
});

test("a store that throttles for a moment loses no message", async () => {
  const { verifier } = await start(2);
  assert.equal((await verifier.verify([message("one", "a")])).dropped, 0);
});
