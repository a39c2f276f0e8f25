import assert from "node:assert/strict";
import { test } from "node:test";
import { readGatewayConfig } from "./config.ts";

const least = {
  WEFT_CLUSTER: "one",
  WEFT_SERVICE_CIDRS: "10.96.0.0/12",
  EventHubs: "hubs",
  Cosmos: "cosmos",
  POD_NAME: "gateway-0",
};

test("readGatewayConfig() needs five names, and knows the rest", () => {
  const config = readGatewayConfig(least);
  assert.deepEqual(
    [config.mesh, config.cluster, config.namespace, config.replica, config.database, config.consumerGroup],
    ["weft", "one", "weft-system", "gateway-0", "weft", "$Default"],
  );
  assert.deepEqual(config.hubs, { connectionString: "hubs" });
  assert.deepEqual(
    [config.xds, config.admin],
    [
      { host: "0.0.0.0", port: 15128 },
      { host: "0.0.0.0", port: 15129 },
    ],
  );
  assert.deepEqual(config.network, {
    serviceCidrs: ["10.96.0.0/12"],
    podCidrs: [],
    trustDomain: "cluster.local",
    clusterDomain: "cluster.local",
  });
  assert.equal(config.serverNames[0], "weft-gateway.weft-system.svc");
  assert.deepEqual(
    [config.durations.lease, config.durations.heartbeat, config.durations.certificate],
    [15_000, 10_000, 86_400_000],
  );
  assert.equal(config.stateDir, undefined);
  assert.equal(readGatewayConfig({ ...least, WEFT_STATE_DIR: "/var/lib/weft" }).stateDir, "/var/lib/weft");
});

test("readGatewayConfig() says all faults at once", () => {
  assert.throws(
    () => readGatewayConfig({ POD_NAME: "g", WEFT_XDS_ADDRESS: "15128", WEFT_LEASE_MS: "soon" }),
    (error: Error) => {
      for (const fault of [
        "set WEFT_CLUSTER",
        "set WEFT_SERVICE_CIDRS",
        "set EventHubs (a connection string) or EventHubs__fullyQualifiedNamespace",
        "set Cosmos (a connection string) or Cosmos__accountEndpoint",
        "WEFT_XDS_ADDRESS is not host:port: 15128",
        "WEFT_LEASE_MS is not a number of milliseconds: soon",
      ])
        assert.ok(error.message.includes(fault), fault);
      return true;
    },
  );
});

test("readGatewayConfig() takes the cloud by identity", () => {
  const { EventHubs: _hubs, Cosmos: _cosmos, ...rest } = least;
  const config = readGatewayConfig({
    ...rest,
    EventHubs__fullyQualifiedNamespace: "x.servicebus.windows.net",
    Cosmos__accountEndpoint: "https://y",
  });
  assert.deepEqual([config.hubs, config.cosmos], [{ address: "x.servicebus.windows.net" }, { address: "https://y" }]);
});

for (const [name, value, pattern] of [
  ["WEFT_CLUSTER", "My_Cluster", /WEFT_CLUSTER is not made of/],
  ["WEFT_CLUSTER", "a".repeat(64), /WEFT_CLUSTER is not made of/],
  ["POD_NAME", "Gateway_0", /POD_NAME is not/],
  ["WEFT_ADMIN_ADDRESS", "0.0.0.0:70000", /WEFT_ADMIN_ADDRESS is not host:port/],
  ["WEFT_ADMIN_ADDRESS", ":80", /WEFT_ADMIN_ADDRESS is not host:port/],
  ["WEFT_HEAD_READ_MS", "0", /WEFT_HEAD_READ_MS is not/],
  ["WEFT_HEAD_READ_MS", "", /WEFT_HEAD_READ_MS is not/],
] as const) {
  test(`readGatewayConfig() refuses ${name}=${value.slice(0, 20)}`, () => {
    assert.throws(() => readGatewayConfig({ ...least, [name]: value }), pattern);
  });
}

test("readGatewayConfig() reads lists, durations and addresses of both families", () => {
  const config = readGatewayConfig({
    ...least,
    WEFT_SERVICE_CIDRS: "10.96.0.0/12, fd00::/108",
    WEFT_XDS_ADDRESS: "[::]:15128",
    WEFT_ADMIN_ADDRESS: "127.0.0.1:0",
    WEFT_SETTLE_LIMIT_MS: "250",
  });
  assert.deepEqual(config.network.serviceCidrs, ["10.96.0.0/12", "fd00::/108"]);
  assert.deepEqual(
    [config.xds, config.admin],
    [
      { host: "::", port: 15128 },
      { host: "127.0.0.1", port: 0 },
    ],
  );
  assert.equal(config.durations.settleLimit, 250);
});
