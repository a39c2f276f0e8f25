import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { localCluster, localMeshName } from "../../local/names.ts";
import type { Container, DocumentStore } from "../../shared/ports/document-store.ts";
import type { FeatureMesh } from "./feature-mesh.ts";
import { openShop } from "./shop.ts";

const pages = ["/debug", "/debug/proxies", "/debug/problems", "/debug/snapshot", "/debug/state", "/metrics"];
const containers: readonly Container[] = ["clusters", "blocks", "policies", "changes", "rejected", "leases"];

/** Partitions: the cluster's, the mesh's, and those of the blocks, by the first byte of their hashes. */
const partitions: readonly string[] = [
  localCluster,
  localMeshName,
  ...Array.from({ length: 256 }, (_, byte) => `${localCluster}:${byte.toString(16).padStart(2, "0")}`),
];

/** All that the cloud has of the cluster, and all that the gateway tells anybody who asks. */
async function toldBy({ mesh }: FeatureMesh): Promise<string> {
  const answers = pages.map(async (page) => (await fetch(`${mesh.gatewayUrl}${page}`)).text());
  return [...(await documentsOf(mesh.documents)), ...(await Promise.all(answers))].join("\n");
}

async function documentsOf(documents: DocumentStore): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const container of containers)
    for (const partition of partitions)
      for (const body of await documents.list(container, partition, { prefix: "", limit: 10_000 }))
        texts.push(...opened(JSON.stringify(body)));
  return texts;
}

/** A document, and what lies in it in base64. */
function opened(text: string): readonly string[] {
  const encoded = [...text.matchAll(/[A-Za-z0-9+/]{24,}={0,2}/g)];
  return [text, ...encoded.map(([word]) => Buffer.from(word, "base64").toString("latin1"))];
}

interface IdentitySecret {
  readonly tlsCertificate: { readonly privateKey: { readonly inlineString: string } };
}

describe("secrets", () => {
  it("are in no document of the cloud and on no page of the gateway: keys, tokens, nor their likes", async () => {
    await using opened = await openShop({ permissive: true });
    const { shop, client, clientPod } = opened;
    await shop.run({ name: "server", account: "server", labels: { app: "server" }, address: "10.244.0.1" });
    const text = await client.until("its certificate", () => client.text("secret", "identity") || undefined);
    await shop.settled();
    const told = await toldBy(shop);
    assert.ok(told.includes("type.googleapis.com") && told.includes("weft_"), "documents and pages were read");
    const { tlsCertificate } = JSON.parse(text) as IdentitySecret;
    const [, keyLine = ""] = tlsCertificate.privateKey.inlineString.split("\n");
    assert.ok(keyLine.length > 30);
    for (const secret of [clientPod.token, keyLine, "PRIVATE KEY"]) assert.ok(!told.includes(secret), secret);
  });
});
