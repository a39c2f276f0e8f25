import assert from "node:assert/strict";
import { test } from "node:test";
import { givenObjects, type KubernetesObject, namespace, pod, service } from "../../../../test/support/build.ts";

function given(...objects: readonly KubernetesObject[]) {
  return givenObjects([namespace("shop"), ...objects]);
}

const selector = { app: "store" };

test("Services that lead to one target port share its inbound port", () => {
  const { mesh, problems } = given(
    service("shop/all", { ports: [80], selector }),
    service("shop/v1", {
      ports: [
        { port: 8080, targetPort: 80 },
        { port: 90, targetPort: 9000 },
      ],
      selector,
    }),
    pod("shop/store"),
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(
    mesh.workloads[0]?.inbound.map(({ targetPort, protocol, services }) => [
      targetPort,
      protocol,
      services.map(({ service: key, port }) => `${key}:${port}`),
    ]),
    [
      [80, "http", ["shop/all:80", "shop/v1:8080"]],
      [9000, "http", ["shop/v1:90"]],
    ],
  );
});

test("on one target port the oldest Service's protocol is spoken, and the others hear of it", () => {
  const { mesh, problems } = given(
    service("shop/young", { ports: [{ port: 80, appProtocol: "http" }], selector, created: 2 }),
    service("shop/old", { ports: [{ port: 80, appProtocol: "tcp" }], selector, created: 1 }),
    pod("shop/store"),
  );
  assert.equal(mesh.workloads[0]?.inbound[0]?.protocol, "tcp");
  assert.deepEqual(problems, ["protocol-conflict Service/young"]);
});

test("http and grpc get along on one target port", () => {
  const { problems } = given(
    service("shop/a", { ports: [{ port: 80, appProtocol: "grpc" }], selector }),
    service("shop/b", { ports: [80], selector }),
    pod("shop/store"),
  );
  assert.deepEqual(problems, []);
});

test("a port's accounts are those of all classes behind it, each once", () => {
  const { mesh } = given(
    service("shop/store", { ports: [{ port: 80, targetPort: "web" }, 81], selector }),
    pod("shop/a", { labels: selector, account: "one", ports: { web: 80 } }),
    pod("shop/b", { labels: { ...selector, other: "x" }, account: "one", ports: { web: 8080 } }),
    pod("shop/c", { labels: selector, account: "two" }),
    pod("shop/d", { labels: selector, account: "three", meshed: false }),
  );
  assert.deepEqual(
    mesh.services[0]?.ports.map(({ port, accounts }) => [port, accounts]),
    [
      [80, ["shop/one"]],
      [81, ["shop/one", "shop/two"]],
    ],
  );
});

test("a class backs only ports that the mesh has, and classes outside the mesh are not in it", () => {
  const { mesh } = givenObjects([
    namespace("shop"),
    service("shop/store", { ports: [{ port: 80, appProtocol: "smtp" }], selector }),
    pod("shop/store"),
    pod("plain/store"),
  ]);
  assert.deepEqual(
    mesh.workloads.map(({ account, inbound }) => [account, inbound]),
    [["shop/store", []]],
  );
});
