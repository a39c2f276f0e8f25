import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  httpRouteGroup,
  type KubernetesObject,
  meshConfig,
  namespace,
  pod,
  service,
  stateOf,
  tcpRoute,
  trafficSplit,
  trafficTarget,
} from "../../../test/support/build.ts";
import { buildMesh } from "./build-mesh.ts";

function build(...objects: readonly KubernetesObject[]): ReturnType<typeof buildMesh> {
  return buildMesh({ objects: stateOf(objects), settings: { smiSemantics: "osm" } });
}

const shop = [
  namespace("shop"),
  meshConfig({ permissive: false }),
  service("shop/store", { ports: [{ port: 80, targetPort: "web" }], selector: { app: "store" } }),
  service("shop/store-v1", { ports: [80], selector: { app: "store", version: "v1" } }),
  service("shop/store-v2", { ports: [80], selector: { app: "store", version: "v2" } }),
  pod("shop/store-1", { account: "store-v1", labels: { app: "store", version: "v1" }, ports: { web: 80 } }),
  pod("shop/store-2", { account: "store-v2", labels: { app: "store", version: "v2" }, ports: { web: 80 } }),
  pod("shop/buyer", { account: "buyer" }),
];

describe("buildMesh()", () => {
  test("a whole small shop: services with accounts, classes with ports, a grant, a split", () => {
    const { mesh, problems } = build(
      ...shop,
      httpRouteGroup("shop/routes", [
        { name: "buy", pathRegex: "/buy", methods: ["GET"], headers: [{ Host: "store.*" }] },
      ]),
      trafficTarget("shop/buy", {
        to: "store-v1",
        from: ["shop/buyer"],
        rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["buy"] }],
      }),
      trafficSplit("shop/split", { root: "store.shop", backends: { "store-v2": 1, "store-v1": 3 } }),
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(
      mesh.services.map(({ key, ports }) => [key, ports.map(({ port, accounts }) => [port, accounts])]),
      [
        ["shop/store", [[80, ["shop/store-v1", "shop/store-v2"]]]],
        ["shop/store-v1", [[80, ["shop/store-v1"]]]],
        ["shop/store-v2", [[80, ["shop/store-v2"]]]],
      ],
    );
    assert.deepEqual(mesh.services[0]?.ports[0]?.rules, [
      {
        matches: [],
        backends: [
          { service: "shop/store-v1", port: 80, weight: 3 },
          { service: "shop/store-v2", port: 80, weight: 1 },
        ],
        causes: [{ group: "split.smi-spec.io", kind: "TrafficSplit", namespace: "shop", name: "split" }],
      },
    ]);
    assert.deepEqual(
      mesh.workloads.map(({ account, inbound }) => [
        account,
        inbound.map(({ targetPort, services }) => [targetPort, services.length]),
      ]),
      [
        ["shop/buyer", []],
        ["shop/store-v1", [[80, 2]]],
        ["shop/store-v2", [[80, 2]]],
      ],
    );
    assert.equal(mesh.settings.mode, "enforced");
    assert.equal(mesh.grants.length, 1);
    const [grant] = mesh.grants;
    assert.deepEqual([grant?.to, grant?.from, grant?.tcp], ["shop/store-v1", ["shop/buyer"], undefined]);
    assert.deepEqual(grant?.http, {
      ports: "any",
      requests: [{ path: "/buy", methods: ["GET"], headers: [{ name: ":authority", value: "store.*" }] }],
    });
  });

  test("a TCPRoute opens TCP on its target ports and no HTTP", () => {
    const { mesh } = build(
      ...shop,
      tcpRoute("shop/db", [3306]),
      trafficTarget("shop/tcp", { to: "store-v1", from: ["shop/buyer"], rules: [{ kind: "TCPRoute", name: "db" }] }),
    );
    assert.deepEqual([mesh.grants[0]?.http, mesh.grants[0]?.tcp], [undefined, { ports: [3306] }]);
  });
});
