import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { accountKey } from "../../shared/core/mesh/mesh.ts";
import type { CertificateAuthority } from "../../shared/ports/certificate-authority.ts";
import { createManualClock } from "../../test/support/manual-clock.ts";
import { createMemoryAuthorityStore } from "./authority-fixture.ts";
import { createBuiltInAuthority } from "./certificate-authority.ts";
import { startProxySecrets } from "./proxy-secrets.ts";
import { startServerCertificate } from "./server-certificate.ts";
import { startWorkloadCertificates } from "./workload-certificates.ts";

const hour = 3_600_000;
const cart = accountKey("shop", "cart");

async function setUp() {
  const clock = createManualClock(Date.now());
  const builtIn = await createBuiltInAuthority({
    clusterName: "one",
    clock,
    store: createMemoryAuthorityStore(),
  });
  const state = { issued: 0, away: false, roots: await builtIn.roots() };
  const authority: CertificateAuthority = {
    roots: () => Promise.resolve(state.roots),
    issue(request) {
      state.issued += 1;
      return state.away ? Promise.reject(new Error("away")) : builtIn.issue(request);
    },
  };
  const faults: unknown[] = [];
  const onFault = (error: unknown): void => void faults.push(error);
  const certificates = startWorkloadCertificates({
    authority,
    trustDomain: "cluster.local",
    clock,
    random: () => 0.5,
    onFault,
  });
  return { clock, state, authority, certificates, faults, onFault };
}

test("one certificate an account, however many ask at once", async () => {
  const { certificates, state } = await setUp();
  const [first, second] = await Promise.all([certificates.get(cart), certificates.get(cart)]);
  assert.equal(first, second);
  assert.equal(await certificates.get(cart), first);
  assert.equal(state.issued, 1);
  const { subjectAltName } = new X509Certificate(first.chain);
  assert.equal(subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/cart, DNS:cart.shop.cluster.local");
  assert.ok(first.validity.notAfter - first.validity.notBefore <= 24 * hour + 5 * 60_000);
});

test("renews before half life, tells it, and keeps the old one while the authority is away", async () => {
  const { certificates, state, clock, faults } = await setUp();
  const renewed: string[] = [];
  certificates.onRenewed(({ account }) => renewed.push(account));
  const first = await certificates.get(cart);
  clock.pass(10 * hour);
  assert.equal(state.issued, 1);
  state.away = true;
  clock.pass(2 * hour);
  await turn();
  assert.ok(faults.length > 0);
  assert.equal(certificates.peek(cart), first);
  state.away = false;
  clock.pass(60_000);
  await turn();
  assert.deepEqual(renewed, [cart]);
  assert.notEqual(certificates.peek(cart), first);
});

test("renews no certificate that was forgotten, not even one in the making", async () => {
  const { certificates, state, clock } = await setUp();
  await certificates.get(cart);
  const late = certificates.get(accountKey("shop", "late"));
  certificates.forget(cart);
  certificates.forget(accountKey("shop", "late"));
  await late;
  assert.equal(certificates.peek(accountKey("shop", "late")), undefined);
  clock.pass(48 * hour);
  await turn();
  assert.equal(state.issued, 2);
});

test("secrets: an identity is there as soon as it is issued, the authority is asked again, new roots are told", async () => {
  const { certificates, state, clock, authority, faults, onFault } = await setUp();
  using secrets = await startProxySecrets({ certificates, authority, clock, onFault });
  const changes: unknown[] = [];
  secrets.onChange((change) => changes.push(change));
  state.away = true;
  assert.equal(secrets.identity(cart), undefined);
  assert.equal(secrets.identity(cart), undefined);
  await turn();
  assert.equal(faults.length, 1);
  state.away = false;
  clock.pass(5000);
  await turn();
  assert.deepEqual(changes, [{ account: cart }]);
  assert.ok(secrets.identity(cart));
  const before = secrets.trust("trust", { names: "any" });
  state.roots += state.roots;
  clock.pass(60_000);
  await turn();
  assert.deepEqual(changes, [{ account: cart }, "roots"]);
  assert.notDeepEqual(secrets.trust("trust", { names: "any" }), before);
});

test("the gateway's own certificate is renewed too", async () => {
  const { clock, authority, onFault } = await setUp();
  const renewed: string[] = [];
  using certificate = await startServerCertificate({
    authority,
    clock,
    random: () => 0,
    onRenewed: ({ cert }) => renewed.push(cert),
    onFault,
  });
  const { subjectAltName } = new X509Certificate(certificate.first.cert);
  assert.match(subjectAltName ?? "", /^DNS:weft-gateway\.weft-system\.svc,/);
  for (let hours = 0; hours < 13; hours++) {
    for (let minutes = 0; minutes < 60; minutes++) {
      clock.pass(60_000);
      await turn();
    }
  }
  assert.equal(renewed.length, 1);
});
