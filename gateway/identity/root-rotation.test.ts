import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import { validityFrom } from "../../shared/core/identity/renewal.ts";
import { createManualClock } from "../../test/support/manual-clock.ts";
import { exportKey, makeKeyPair } from "./authority-certificates.ts";
import { createMemoryAuthorityStore } from "./authority-fixture.ts";
import { createBuiltInAuthority } from "./certificate-authority.ts";

const step = 60_000;

async function setUp() {
  const clock = createManualClock(Date.now());
  const store = createMemoryAuthorityStore();
  const start = () => createBuiltInAuthority({ clusterName: "one", store, clock, rotationStepMs: step });
  const authority = await start();
  const issue = async (by = authority) => {
    const { publicKey, privateKey } = makeKeyPair();
    const validity = validityFrom(Date.now(), 3_600_000);
    const { chain, bridges = "" } = await by.issue({ publicKey, uris: [], dnsNames: ["a.b"], validity });
    return { chain, withBridges: chain + bridges, key: exportKey(privateKey) };
  };
  return {
    clock,
    store,
    authority,
    start,
    issue,
    /** Asks for another root, and lets all phases pass. */
    rotate: async (request: string): Promise<void> => {
      store.request = request;
      for (let phase = 0; phase < 3; phase++) {
        await authority.roots();
        clock.pass(step);
      }
    },
  };
}

/** Does a TLS client that trusts `roots` take a server with this chain? */
async function accepts(roots: string, cert: string, key: string): Promise<boolean> {
  const server = createServer({ cert, key });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: "127.0.0.1", ca: roots, servername: "a.b" });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("secureConnect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const accepted = await promise;
  socket.destroy();
  server.close();
  return accepted;
}

test("a rotation that was asked for: both roots are trusted before the new one signs, and until the old one's certificates are gone", async () => {
  const { clock, store, authority, issue } = await setUp();
  const old = await authority.roots();
  const oldIssue = await issue();
  store.request = "1";
  const introducing = await authority.roots();
  assert.ok(introducing.startsWith(old) && introducing.length > old.length, "the next root is trusted besides");
  const meanwhile = await issue();
  assert.equal(await accepts(old, meanwhile.chain, meanwhile.key), true, "the old root signs");
  clock.pass(step - 1);
  assert.equal(await authority.roots(), introducing);

  clock.pass(1);
  const retiring = await authority.roots();
  const newIssue = await issue();
  assert.equal(await accepts(old, newIssue.chain, newIssue.key), false, "the new root signs");
  for (const roots of [introducing, retiring])
    for (const { chain, key } of [oldIssue, newIssue]) assert.equal(await accepts(roots, chain, key), true);

  clock.pass(step);
  const after = await authority.roots();
  assert.ok(!after.includes(old) && introducing.includes(after));
  assert.equal(await accepts(after, newIssue.chain, newIssue.key), true);
  assert.equal(await accepts(after, oldIssue.chain, oldIssue.key), false, "the old root is not trusted any more");
  clock.pass(10 * step);
  assert.equal(await authority.roots(), after, "one request, one rotation");
});

test("whoever knows only the root of two rotations ago takes the gateway's chain, by its bridges", async () => {
  const { authority, issue, rotate } = await setUp();
  const first = await authority.roots();
  await rotate("1");
  const second = await authority.roots();
  await rotate("2");
  const third = await authority.roots();
  assert.equal(new Set([first, second, third]).size, 3);
  const { chain, withBridges, key } = await issue();
  for (const roots of [first, second, third]) assert.equal(await accepts(roots, withBridges, key), true);
  assert.equal(await accepts(first, chain, key), false);
  const stranger = await setUp();
  assert.equal(await accepts(await stranger.authority.roots(), withBridges, key), false);
});

test("replicas go through one rotation together, also one that starts in the middle", async () => {
  const { clock, store, authority, start, issue } = await setUp();
  const other = await start();
  store.request = "1";
  const [one, two] = await Promise.all([authority.roots(), other.roots()]);
  assert.equal(one, two);
  clock.pass(step);
  const third = await start();
  const { chain, key } = await issue(third);
  const late = await issue(other);
  const roots = await authority.roots();
  assert.equal(await third.roots(), roots);
  for (const issued of [{ chain, key }, late])
    assert.equal(
      await accepts(roots, issued.chain, issued.key),
      true,
      "a replica that did not look yet signs with the old root",
    );
});

test("an old root is replaced without being asked", async () => {
  const clock = createManualClock(Date.now());
  const store = createMemoryAuthorityStore();
  const lifetimes = { rootLifetimeMs: 3_600_000_000, issuingLifetimeMs: 3_600_000_000 };
  const authority = await createBuiltInAuthority({
    clusterName: "one",
    store,
    clock,
    rotationStepMs: step,
    ...lifetimes,
  });
  const first = await authority.roots();
  clock.pass(1_700_000_000);
  assert.equal(await authority.roots(), first);
  clock.pass(200_000_000);
  assert.notEqual(await authority.roots(), first);
});
