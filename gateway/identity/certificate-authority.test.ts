import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { validityFrom } from "../../shared/core/identity/renewal.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import { makeKeyPair } from "./authority-certificates.ts";
import { createMemoryAuthorityStore } from "./authority-fixture.ts";
import { createBuiltInAuthority } from "./certificate-authority.ts";

const hour = 60 * 60_000;

describe("createBuiltInAuthority()", () => {
  it("issues certificates that chain up to the root", async () => {
    const authority = await createBuiltInAuthority({
      clusterName: "one",
      store: createMemoryAuthorityStore(),
      clock: systemClock,
    });
    const { publicKey, privateKey } = makeKeyPair();
    const { chain } = await authority.issue({
      publicKey,
      uris: ["spiffe://cluster.local/ns/shop/sa/cart"],
      dnsNames: ["cart.shop.cluster.local"],
      validity: validityFrom(Date.now(), 24 * hour),
    });
    const [leaf, issuing] = chain.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => new X509Certificate(pem));
    const root = new X509Certificate(await authority.roots());
    assert.ok(leaf && issuing);
    assert.ok(leaf.verify(issuing.publicKey) && leaf.checkIssued(issuing));
    assert.ok(issuing.verify(root.publicKey) && issuing.checkIssued(root));
    assert.ok(root.verify(root.publicKey) && root.ca && issuing.ca && !leaf.ca);
    assert.ok(leaf.checkPrivateKey(privateKey));
    assert.equal(leaf.subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/cart, DNS:cart.shop.cluster.local");
    assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  });

  it("comes back from the store as it was", async () => {
    const store = createMemoryAuthorityStore();
    const first = await createBuiltInAuthority({ clusterName: "one", store, clock: systemClock });
    const second = await createBuiltInAuthority({ clusterName: "renamed", store, clock: systemClock });
    assert.equal(await second.roots(), await first.roots());
    const issued = await second.issue({
      publicKey: makeKeyPair().publicKey,
      uris: [],
      dnsNames: ["a.b"],
      validity: validityFrom(Date.now(), hour),
    });
    const [leaf, issuing] = issued.chain
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .map((pem) => new X509Certificate(pem));
    assert.ok(leaf && issuing && leaf.checkIssued(issuing));
  });

  it("agrees with a replica that starts at the same moment", async () => {
    const store = createMemoryAuthorityStore();
    const authorities = await Promise.all(
      [1, 2, 3].map(() => createBuiltInAuthority({ clusterName: "one", store, clock: systemClock })),
    );
    const roots = await Promise.all(authorities.map((authority) => authority.roots()));
    assert.equal(new Set(roots).size, 1);
  });

  it("renews the intermediate at half life and keeps the root", async () => {
    let now = Date.now();
    const clock = { ...systemClock, now: () => now };
    const authority = await createBuiltInAuthority({
      clusterName: "one",
      store: createMemoryAuthorityStore(),
      clock,
      issuingLifetimeMs: 10 * hour,
    });
    const request = { publicKey: makeKeyPair().publicKey, uris: [], dnsNames: ["a.b"] };
    const issue = async () => {
      const { chain, validity } = await authority.issue({ ...request, validity: validityFrom(now, 24 * hour) });
      return { issuer: chain.split(/(?<=-----END CERTIFICATE-----\n)/)[1], validity };
    };
    const roots = await authority.roots();
    const first = await issue();
    now += 6 * hour;
    const second = await issue();
    assert.notEqual(second.issuer, first.issuer);
    assert.equal(await authority.roots(), roots);
    assert.ok(second.validity.notAfter <= now + 10 * hour, "a certificate outlives its issuer");
  });
});
