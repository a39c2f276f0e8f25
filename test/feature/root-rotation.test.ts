import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { authoritySecret, rotateRootAnnotation } from "../../gateway/identity/kubernetes-identity.ts";
import { readData } from "../../gateway/kubernetes/kept-data.ts";
import { localNamespace } from "../../local/names.ts";
import { eventually } from "../support/eventually.ts";
import type { FeatureMesh, FeatureProxy } from "./feature-mesh.ts";
import { openShop } from "./shop.ts";

/** Certificates live for a second, and so each phase of a rotation lasts about as long. */
const gatewayEnv = { WEFT_CERTIFICATE_MS: "1000" };

const trustName = /"validationContext"/;

function certificatesOf(pem: string): readonly X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? []).map(
    (text) => new X509Certificate(text),
  );
}

/** The roots that a proxy trusts, by all its trust secrets: they say the same. */
function trustOf(proxy: FeatureProxy): readonly X509Certificate[] {
  const texts = proxy.names("secret").map((name) => proxy.text("secret", name));
  const pems = texts
    .filter((text) => trustName.test(text))
    .map((text) => (JSON.parse(text) as TrustSecret).validationContext.trustedCa.inlineString);
  return certificatesOf(pems[0] ?? "");
}

/** The intermediate of a proxy's own certificate. */
function issuerOf(proxy: FeatureProxy): X509Certificate | undefined {
  const text = proxy.text("secret", "identity");
  if (text === "") return undefined;
  return certificatesOf((JSON.parse(text) as IdentitySecret).tlsCertificate.certificateChain.inlineString)[1];
}

interface TrustSecret {
  readonly validationContext: { readonly trustedCa: { readonly inlineString: string } };
}
interface IdentitySecret {
  readonly tlsCertificate: { readonly certificateChain: { readonly inlineString: string } };
}

async function askForAnotherRoot({ client }: FeatureMesh): Promise<void> {
  await client.call({
    method: "PATCH",
    path: `/api/v1/namespaces/${localNamespace}/secrets/${authoritySecret}`,
    body: { metadata: { annotations: { [rotateRootAnnotation]: "now" } } },
  });
}

describe("root rotation", () => {
  it("an annotation starts it; at every moment what a proxy shows is trusted, and an old bootstrap still finds the gateway", async () => {
    await using opened = await openShop({ permissive: true, gatewayEnv });
    const { shop, client, clientPod } = opened;
    await shop.run({ name: "server", account: "server", labels: { app: "server" }, address: "10.244.0.1" });
    await client.until("trust and a certificate", () => trustOf(client).length === 1 && issuerOf(client));
    const [old] = trustOf(client);
    const untrusted: string[] = [];
    /** How many roots were trusted at a time. */
    const seen = new Set<number>();
    client.events.on("change", () => {
      const issuer = issuerOf(client);
      const roots = trustOf(client);
      seen.add(roots.length);
      if (issuer !== undefined && !roots.some((root) => issuer.verify(root.publicKey))) untrusted.push(issuer.issuer);
    });
    await askForAnotherRoot(shop);
    await client.until("both roots are trusted", () => seen.has(2));
    await client.until("the new root alone is trusted", () => trustOf(client).length === 1);
    const [renewed] = trustOf(client);
    assert.notEqual(renewed?.fingerprint256, old?.fingerprint256);
    assert.deepEqual([untrusted, [...seen].toSorted((a, b) => a - b)], [[], [1, 2]]);

    await eventually("new pods get the new root", async () => {
      const published = await readData(shop.client, {
        kind: "ConfigMap",
        namespace: localNamespace,
        name: "weft-roots",
      });
      const roots = certificatesOf(published?.data["ca.crt"] ?? "").map(({ fingerprint256 }) => fingerprint256);
      return roots.length === 1 && roots[0] === renewed?.fingerprint256;
    });
    await using again = shop.connect(clientPod);
    await again.until("its listeners, with the first root in the bootstrap", () => again.held.listener.has("inbound"));
  });
});
