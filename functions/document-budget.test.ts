import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { type TestContext, test } from "node:test";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import type { ClusterFact } from "../shared/core/events/cluster-event.ts";
import { sealEnvelope } from "../shared/core/events/envelope.ts";
import type { MeshObject } from "../shared/core/object.ts";
import type { BatchOperation, Container, DocumentStore, NewDocument } from "../shared/ports/document-store.ts";
import { joinCluster } from "../shared/store/cluster-store.ts";
import { httpRouteGroup, type KubernetesObject, service, stateOf } from "../test/support/build.ts";
import { grantTo, neighbourServices } from "../test/support/neighbour-services.ts";
import { trieOfObjects } from "../test/support/publishing-cluster.ts";
import { composeFunctions } from "./compose.ts";

/** By hand for a large cluster: `WEFT_BUDGET_SERVICES=5000 node --test functions/document-budget.test.ts`. */
const services = Number(process.env["WEFT_BUDGET_SERVICES"] ?? 80);
/** design.md §4: what one change in a large cluster may write beside the new resources. */
const budget = { documents: 12, bytes: 150 * 1024 };

type Mode = "permissive" | "enforcing";

interface Written {
  readonly container: Container;
  readonly id: string;
  readonly bytes: number;
  /** A resource itself. */
  readonly resource: boolean;
}

/** A memory store that notes every document written. */
function notingStore(written: Written[]): DocumentStore {
  const documents = createMemoryDocumentStore();
  const note = (container: Container, { id, body }: NewDocument): void => {
    const resource = id.startsWith("resource:") || (container === "blocks" && "text" in body);
    written.push({ container, id, bytes: Buffer.byteLength(JSON.stringify(body)), resource });
  };
  return {
    ...documents,
    async put(container, document) {
      note(container, document);
      await documents.put(container, document);
    },
    async batch(container: Container, operations: readonly BatchOperation[]) {
      await documents.batch(container, operations);
      for (const { document } of operations) note(container, document);
    },
  };
}

function cluster(mode: Mode): readonly MeshObject[] {
  return stateOf([
    ...neighbourServices({ services, permissive: mode === "permissive" }),
    httpRouteGroup("shop/some", [{ name: "read", pathRegex: "/read", methods: ["GET"] }]),
  ]);
}

/** Writes of one change after a list of everything. */
async function writesOf(mode: Mode, change: MeshObject): Promise<readonly Written[]> {
  const written: Written[] = [];
  const documents = notingStore(written);
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  await joinCluster(documents, "one", {
    kid: "k",
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  });
  const functions = composeFunctions({
    mesh: "weft",
    documents,
    snapshots: { send: async () => undefined, [Symbol.asyncDispose]: async () => undefined },
    now: () => new Date("2026-01-01T00:00:00Z"),
    log: { info: () => undefined, warn: (message) => assert.fail(message) },
    clusterTimeLimit: 60_000,
  });
  let seq = 0;
  const message = (fact: ClusterFact): object => {
    const event = { v: 1, mesh: "weft", cluster: "one", epoch: 1, seq: ++seq, time: "t", ...fact };
    return sealEnvelope(JSON.stringify(event), { kid: "k", privateKey });
  };
  const applied = ({ key, uid, body }: MeshObject): object =>
    message({ type: "ObjectApplied", object: key, uid, body, cause: {} });
  const objects = cluster(mode);
  await functions.ingestEvents([
    message({ type: "ListStarted", reason: "test" }),
    ...objects.map(applied),
    message({ type: "ListEnded", state: trieOfObjects(objects).root }),
  ]);
  written.length = 0;
  await functions.ingestEvents([applied(change)]);
  return written;
}

/** Beside the resources are the blocks of tries, places, and what people read. */
function assertWithin(t: TestContext, written: readonly Written[]): void {
  const beside = written.filter(({ resource }) => !resource);
  const resources = written.length - beside.length;
  const bytes = beside.reduce((sum, document) => sum + document.bytes, 0);
  const list = beside
    .map((document) => `${document.container}/${document.id.slice(0, 16)} ${document.bytes}`)
    .join(", ");
  t.diagnostic(`${beside.length} documents, ${bytes} bytes (${list}); resources: ${resources} documents`);
  assert.ok(beside.length <= budget.documents, list);
  assert.ok(bytes <= budget.bytes, list);
}

function stateEntryOf(object: KubernetesObject): MeshObject {
  return stateOf([object])[0] as MeshObject;
}

const other = grantTo("s5", "s9");
const narrowed = stateEntryOf(grantTo("s5", "s6", { name: "some", match: "read" }));
const moved = stateEntryOf(other);
const added = stateEntryOf({ ...other, metadata: { ...other.metadata, name: "another" } });

for (const [name, change] of [
  ["one TrafficTarget's rules", narrowed],
  ["one TrafficTarget's source", moved],
  ["one more TrafficTarget", added],
] as const) {
  test(`${name} in a cluster of ${services} services stays within the budget of documents`, async (t) => {
    assertWithin(t, await writesOf("enforcing", change));
  });
}

for (const mode of ["permissive", "enforcing"] as const) {
  test(`one Service's protocol in a ${mode} cluster of ${services} services stays within the budget of documents`, async (t) => {
    const edited = service("shop/s5", { ports: [{ port: 80, targetPort: 8080, name: "http", appProtocol: "tcp" }] });
    assertWithin(t, await writesOf(mode, stateEntryOf(edited)));
  });
}
