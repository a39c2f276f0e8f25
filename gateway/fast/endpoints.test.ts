import assert from "node:assert/strict";
import { test } from "node:test";
import { accountKey, serviceKey } from "../../shared/core/mesh/mesh.ts";
import { pod, service } from "../../test/support/build.ts";
import { admitted, assign } from "./endpoints.ts";
import { createFakeCluster, type EndpointShape, shopPod } from "./fast-fixture.ts";

const cart = service("shop/cart", { ports: [{ port: 80, targetPort: 8080 }] });
const group = { service: serviceKey("shop", "cart"), port: 80, accounts: [accountKey("shop", "cart")] };

function cluster(...endpoints: readonly EndpointShape[]) {
  const fake = createFakeCluster(cart);
  fake.putPod(shopPod("cart", "cart"));
  fake.putSlice({ name: "one", service: "shop/cart", endpoints });
  return fake;
}

function shortOf(fake: ReturnType<typeof cluster>, of: Parameters<typeof admitted>[1] = group): readonly string[] {
  return admitted(fake, of).map(({ address, port, draining }) => `${address}:${port}${draining ? " draining" : ""}`);
}

test("admitted() takes an endpoint whose pod runs as one of the accounts, and no other", () => {
  const fake = cluster({ ip: "10.1.0.1", pod: "cart" }, { ip: "10.1.0.2", pod: "spy" });
  fake.putPod(shopPod("spy", "spy"));
  assert.deepEqual(shortOf(fake), ["10.1.0.1:8080"]);
  assert.deepEqual(shortOf(fake, { ...group, accounts: [...group.accounts, accountKey("shop", "spy")] }), [
    "10.1.0.1:8080",
    "10.1.0.2:8080",
  ]);
  assert.deepEqual(shortOf(fake, { ...group, accounts: [] }), []);
  assert.deepEqual(shortOf(fake, { ...group, accounts: [accountKey("other", "cart")] }), []);
});

test("admitted() leaves out what is not meshed: no sidecar, host network, no pod, a pod that is not known", () => {
  const fake = cluster(
    { ip: "10.1.0.2", pod: "plain" },
    { ip: "10.1.0.3", pod: "host" },
    { ip: "10.1.0.4" },
    { ip: "10.1.0.5", pod: "unknown" },
  );
  fake.putPod(pod("shop/plain", { account: "cart", meshed: false }));
  fake.putPod(pod("shop/host", { account: "cart", hostNetwork: true }));
  assert.deepEqual(shortOf(fake), []);
});

test("admitted() leaves out the address of a pod that is gone, whose name another one has", () => {
  const fake = cluster(
    { ip: "10.1.0.1", pod: "cart", podUid: "uid-cart" },
    { ip: "10.1.0.9", pod: "cart", podUid: "uid-before" },
  );
  assert.deepEqual(shortOf(fake), ["10.1.0.1:8080"]);
});

for (const { conditions, expected } of [
  { conditions: undefined, expected: ["10.1.0.1:8080"] },
  { conditions: { ready: true, serving: true, terminating: false }, expected: ["10.1.0.1:8080"] },
  { conditions: { ready: false, serving: false, terminating: false }, expected: [] },
  { conditions: { ready: false, serving: true, terminating: false }, expected: [] },
  { conditions: { ready: false, serving: true, terminating: true }, expected: ["10.1.0.1:8080 draining"] },
  { conditions: { ready: false, serving: false, terminating: true }, expected: [] },
  { conditions: { ready: false, terminating: true }, expected: [] },
  { conditions: { ready: true, terminating: true }, expected: ["10.1.0.1:8080"] }, // publishNotReadyAddresses
]) {
  test(`admitted() takes ${JSON.stringify(conditions)} as ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(shortOf(cluster({ ip: "10.1.0.1", pod: "cart", ...(conditions && { conditions }) })), expected);
  });
}

test("admitted() finds the slice's port by the name of the Service's", () => {
  const fake = createFakeCluster(
    service("shop/cart", {
      ports: [
        { port: 80, targetPort: "web", name: "http" },
        { port: 81, targetPort: "admin", name: "admin" },
      ],
    }),
  );
  fake.putPod(shopPod("cart", "cart"));
  // Two slices: pods of one Service may resolve a named port to different numbers.
  for (const [name, port] of [
    ["one", 8080],
    ["two", 9090],
  ] as const)
    fake.putSlice({
      name,
      service: "shop/cart",
      ports: [
        { name: "admin", port: port + 1 },
        { name: "http", port },
        { name: "http", port: 53, protocol: "UDP" },
      ],
      endpoints: [{ ip: `10.1.0.${name.length === 3 && name === "one" ? 1 : 2}`, pod: "cart" }],
    });
  assert.deepEqual(shortOf(fake), ["10.1.0.1:8080", "10.1.0.2:9090"]);
  assert.deepEqual(shortOf(fake, { ...group, port: 81 }), ["10.1.0.1:8081", "10.1.0.2:9091"]);
  assert.deepEqual(shortOf(fake, { ...group, port: 82 }), []);
  assert.deepEqual(shortOf(fake, { ...group, service: serviceKey("shop", "other") }), []);
});

test("admitted() takes an endpoint that two slices list once, as ready when one of them says so", () => {
  for (const order of [
    ["one", "two"],
    ["two", "one"],
  ] as const) {
    const fake = createFakeCluster(cart);
    fake.putPod(shopPod("cart", "cart"));
    for (const name of order)
      fake.putSlice({
        name,
        service: "shop/cart",
        endpoints: [
          {
            ip: "10.1.0.1",
            pod: "cart",
            conditions: name === "one" ? { ready: true } : { ready: false, serving: true, terminating: true },
          },
        ],
      });
    assert.deepEqual(shortOf(fake), ["10.1.0.1:8080"]);
  }
});

test("admitted() gives the same order whatever the order of slices and endpoints", () => {
  const ips = ["10.1.0.9", "10.1.0.10", "fd00::1", "10.1.0.1"];
  const one = shortOf(cluster(...ips.map((ip) => ({ ip, pod: "cart" }))));
  const other = shortOf(cluster(...ips.toReversed().map((ip) => ({ ip, pod: "cart" }))));
  assert.deepEqual(one, other);
  assert.equal(one.length, 4);
});

test("assign() keeps the groups of a split apart, each with its weight, label and sinkhole", () => {
  const fake = cluster({ ip: "10.1.0.1", pod: "cart" });
  const groups = assign(fake, {
    groups: [
      { ...group, weight: 3, label: "a", sinkhole: true },
      { ...group, accounts: [], weight: 1, label: "b", sinkhole: true },
    ],
  });
  assert.deepEqual(
    groups.map(({ label, weight, sinkhole, endpoints }) => [label, weight, sinkhole, endpoints.length]),
    [
      ["a", 3, true, 1],
      ["b", 1, true, 0],
    ],
  );
});
