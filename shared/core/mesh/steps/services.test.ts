import assert from "node:assert/strict";
import { test } from "node:test";
import {
  givenObjects,
  type KubernetesObject,
  namespace,
  type PortShape,
  service,
} from "../../../../test/support/build.ts";

function given(...objects: readonly KubernetesObject[]) {
  return givenObjects([namespace("shop"), ...objects]);
}

function protocolOf(port: Partial<PortShape>): unknown {
  const { mesh, problems } = given(service("shop/a", { ports: [{ port: 80, ...port }] }));
  return mesh.services[0]?.ports[0]?.protocol ?? problems[0];
}

test("a port's protocol is its appProtocol, else the prefix of its name, else http", () => {
  assert.equal(protocolOf({ appProtocol: "tcp-server-first", name: "http-x" }), "tcp-server-first");
  assert.equal(protocolOf({ name: "tcp-server-first-x" }), "tcp-server-first");
  assert.equal(protocolOf({ name: "tcp-x" }), "tcp");
  assert.equal(protocolOf({ name: "grpc-x" }), "grpc");
  assert.equal(protocolOf({ name: "http-x" }), "http");
  assert.equal(protocolOf({ name: "tcp" }), "http");
  assert.equal(protocolOf({}), "http");
});

test("a port of another protocol is left out, with the port named; UDP ports without a word", () => {
  assert.equal(protocolOf({ appProtocol: "https" }), "protocol-unsupported Service/a");
  assert.equal(protocolOf({ protocol: "UDP" }), undefined);
});

test("addresses are sorted; a headless Service has none", () => {
  const dual = service("shop/dual", { ports: [80] });
  const { mesh } = given(
    { ...dual, spec: { ...dual.spec, clusterIPs: ["fd00::1", "10.96.0.7"] } },
    service("shop/headless", { ports: [80], clusterIP: "None" }),
  );
  assert.deepEqual(
    mesh.services.map(({ name, addresses, headless }) => [name, addresses, headless]),
    [
      ["dual", ["10.96.0.7", "fd00::1"], false],
      ["headless", [], true],
    ],
  );
});

test("an address and port belong to the oldest Service", () => {
  const { mesh, problems } = given(
    service("shop/a", { ports: [80], clusterIP: "10.96.0.9", created: 2 }),
    service("shop/b", { ports: [80], clusterIP: "10.96.0.9", created: 1 }),
    service("shop/c", { ports: [81], clusterIP: "10.96.0.9", created: 3 }),
  );
  assert.deepEqual(
    mesh.services.map(({ addresses }) => addresses.length),
    [0, 1, 1],
  );
  assert.deepEqual(problems, ["address-conflict Service/a"]);
});

test("Services outside the mesh and names of something else are not in it", () => {
  const { mesh, problems } = givenObjects([
    namespace("shop"),
    namespace("ignored", { "openservicemesh.io/monitored-by": "osm", "openservicemesh.io/ignore": "true" }),
    namespace("plain", {}),
    service("ignored/a", { ports: [80] }),
    service("plain/a", { ports: [80] }),
    service("unknown/a", { ports: [80] }),
    service("shop/alias", { ports: [80], type: "ExternalName" }),
  ]);
  assert.deepEqual([mesh.services, problems], [[], []]);
});

test("Services are sorted by namespace, then name", () => {
  const { mesh } = givenObjects([
    namespace("a"),
    namespace("a-b"),
    service("a-b/x", { ports: [] }),
    service("a/z", { ports: [] }),
    service("a/y", { ports: [] }),
  ]);
  assert.deepEqual(
    mesh.services.map(({ key }) => key),
    ["a/y", "a/z", "a-b/x"],
  );
});
