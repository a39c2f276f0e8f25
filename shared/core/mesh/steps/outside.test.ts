import assert from "node:assert/strict";
import { test } from "node:test";
import { givenObjects, namespace, service } from "../../../../test/support/build.ts";

test("outside() has the Services of namespaces that are not in the mesh, by address and TCP port", () => {
  const { mesh, problems } = givenObjects([
    namespace("shop"),
    namespace("default", {}),
    service("shop/cart", { ports: [80] }),
    service("default/kubernetes", { ports: [{ port: 443 }, { port: 53, protocol: "UDP" }], clusterIP: "10.96.0.1" }),
    service("default/headless", { ports: [80], clusterIP: "None" }),
  ]);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    mesh.outside.map(({ key, addresses, ports }) => ({ key, addresses, ports })),
    [{ key: "default/kubernetes", addresses: ["10.96.0.1"], ports: [443] }],
  );
  assert.deepEqual(
    mesh.services.map(({ key }) => key),
    ["shop/cart"],
  );
});
