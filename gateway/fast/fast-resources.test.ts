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
  const one = fast.entry(endpointSet("cart"));
  assert.equal(fast.entry(endpointSet("cart")), one);
  assert.equal(one.resources[0]?.version, contentHash(one.resources[0]?.body ?? ""));
  assert.equal(one.resources[0]?.proven, true);
});

test("a change of endpoints makes anew what is made of that Service, and tells only what came out different", () => {
  const { fast, slice } = start();
  const before = fast.entry(endpointSet("cart"));
  const other = fast.entry(endpointSet("other"));
  slice("cart", "10.1.0.1");
  const [changed, ...more] = fast.refreshService(serviceKey("shop", "cart"));
  assert.deepEqual([changed?.key, more], [before.key, []]);
  assert.notEqual(changed?.resources[0]?.version, before.resources[0]?.version);
  assert.equal(fast.entry(endpointSet("cart")), changed);
  assert.equal(fast.entry(endpointSet("other")), other);
  slice("cart", "10.1.0.1");
  assert.deepEqual(fast.refreshService(serviceKey("shop", "cart")), []);
});

test("endpoints whose pod is not known yet wait for it", () => {
  const { cluster, fast } = start();
  fast.entry(endpointSet("cart"));
  fast.entry(endpointSet("other"));
  cluster.putSlice({ name: "cart", service: "shop/cart", endpoints: [{ ip: "10.1.0.7", pod: "late" }] });
  fast.refreshService(serviceKey("shop", "cart"));
  assert.deepEqual(fast.servicesAwaiting("shop/late"), [serviceKey("shop", "cart")]);
  assert.deepEqual(fast.servicesAwaiting("elsewhere/late"), []);
  cluster.putPod(shopPod("late", "cart"));
  assert.equal(fast.refreshService(serviceKey("shop", "cart")).length, 1);
});

test("new roots make every trust secret anew, and nothing else", () => {
  const { fast, secrets, slice } = start();
  slice("cart", "10.1.0.1");
  fast.entry(endpointSet("cart"));
  const trust = fast.entry(setOf("trust-set", "trust-a", { names: "any" }));
  assert.deepEqual(fast.refreshTrust(), []);
  secrets.changeRoots("two roots");
  assert.deepEqual(
    fast.refreshTrust().map(({ key }) => key),
    [trust.key],
  );
  assert.equal(
    Buffer.from(fast.entry(setOf("trust-set", "trust-a", { names: "any" })).resources[0]?.body ?? "").toString(),
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
  const entry = fast.entry(set);
  assert.equal(entry.type, "listener");
  assert.deepEqual(
    entry.resources.map(({ name }) => name.replace(/.*(10\.1\.0\.\d).*/, "$1")),
    ["10.1.0.1", "10.1.0.2"],
  );
  slice("cart", "10.1.0.1");
  assert.equal(fast.refreshService(serviceKey("shop", "cart"))[0]?.resources.length, 1);
});

test("entries that no view holds are forgotten", () => {
  const { fast, slice } = start();
  const cart = fast.entry(endpointSet("cart"));
  fast.entry(endpointSet("other"));
  fast.keepOnly(new Set([cart.key]));
  slice("other", "10.1.0.1");
  assert.deepEqual(fast.refreshService(serviceKey("shop", "other")), []);
  assert.equal(fast.entry(endpointSet("cart")), cart);
});
