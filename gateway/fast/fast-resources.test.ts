import assert from "node:assert/strict";
import { test } from "node:test";
import { contentHash } from "../../shared/core/canonical.ts";
import { accountKey, serviceKey } from "../../shared/core/mesh/mesh.ts";
import { service } from "../../test/support/build.ts";
import { createFakeCluster, createFakeSecrets, shopPod } from "./fast-fixture.ts";
import { createFastResources, type FastSet } from "./fast-resources.ts";

const cartAccount = accountKey("shop", "cart");

function endpointSet(name: string): FastSet {
  const group = {
    service: serviceKey("shop", name),
    port: 80,
    accounts: [cartAccount],
    label: "mesh",
    sinkhole: false,
  };
  return setOf("endpoint-set", `shop/${name}/80`, { groups: [group] });
}

function setOf(type: FastSet["type"], name: string, content: object): FastSet {
  const body = Buffer.from(JSON.stringify(content));
  return { type, name, version: contentHash(body), body };
}

function start() {
  const cluster = createFakeCluster(service("shop/cart", { ports: [80] }), service("shop/other", { ports: [80] }));
  cluster.putPod(shopPod("cart", "cart"));
  const secrets = createFakeSecrets();
  const fast = createFastResources(cluster, secrets);
  const slice = (name: string, ...ips: readonly string[]): void =>
    cluster.putSlice({ name, service: `shop/${name}`, endpoints: ips.map((ip) => ({ ip, pod: "cart" })) });
  return { cluster, secrets, fast, slice };
}

test("an entry is made once and shared, bytes and all", () => {
  const { fast, slice } = start();
  slice("cart", "10.1.0.1");
  const one = fast.hold(endpointSet("cart"));
  assert.equal(fast.hold(endpointSet("cart")), one);
  assert.equal(one.resources[0]?.version, contentHash(one.resources[0]?.body ?? ""));
  assert.equal(one.resources[0]?.proven, true);
});

test("a change of endpoints makes anew what is made of that Service, and tells only what came out different", () => {
  const { fast, slice } = start();
  const cart = fast.hold(endpointSet("cart"));
  const other = fast.hold(endpointSet("other"));
  const [before, otherBefore] = [cart.resources, other.resources];
  slice("cart", "10.1.0.1");
  assert.deepEqual(fast.refreshService(serviceKey("shop", "cart")), [cart]);
  assert.notEqual(cart.resources[0]?.version, before[0]?.version);
  assert.equal(cart.before, before);
  assert.equal(other.resources, otherBefore);
  slice("cart", "10.1.0.1");
  assert.deepEqual(fast.refreshService(serviceKey("shop", "cart")), []);
});

test("new roots make every trust secret anew, and nothing else", () => {
  const { fast, secrets, slice } = start();
  slice("cart", "10.1.0.1");
  fast.hold(endpointSet("cart"));
  const trust = fast.hold(setOf("trust-set", "trust-a", { names: "any" }));
  assert.deepEqual(fast.refreshTrust(), []);
  secrets.changeRoots("two roots");
  assert.deepEqual(fast.refreshTrust(), [trust]);
  assert.equal(
    Buffer.from(fast.hold(setOf("trust-set", "trust-a", { names: "any" })).resources[0]?.body ?? "").toString(),
    "trust-a trusts two roots",
  );
});

test("a headless set is one listener for each address", () => {
  const { fast, slice } = start();
  slice("cart", "10.1.0.2", "10.1.0.1");
  const set = setOf("headless-set", "shop/cart/80", {
    service: serviceKey("shop", "cart"),
    port: 80,
    protocol: "tcp",
    accounts: [cartAccount],
    listenerTemplate: "",
  });
  const entry = fast.hold(set);
  assert.equal(entry.type, "listener");
  assert.deepEqual(
    entry.resources.map(({ name }) => name.replace(/.*(10\.1\.0\.\d).*/, "$1")),
    ["10.1.0.1", "10.1.0.2"],
  );
  const [, stays] = entry.resources;
  slice("cart", "10.1.0.2");
  assert.deepEqual(fast.refreshService(serviceKey("shop", "cart"))[0]?.resources, [stays], "the same object");
});

test("an entry is forgotten when it was released as often as it was held", () => {
  const { fast, slice } = start();
  const cart = fast.hold(endpointSet("cart"));
  fast.hold(endpointSet("cart"));
  fast.release(cart);
  slice("cart", "10.1.0.1");
  assert.deepEqual(fast.refreshService(serviceKey("shop", "cart")), [cart]);
  fast.release(cart);
  slice("cart", "10.1.0.2");
  assert.deepEqual(fast.refreshService(serviceKey("shop", "cart")), []);
  assert.notEqual(fast.hold(endpointSet("cart")), cart);
});
