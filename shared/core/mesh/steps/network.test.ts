import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterNetwork, givenObjects } from "../../../../test/support/build.ts";

test("what the gateway found out about the cluster becomes settings, sorted", () => {
  const { mesh, problems } = givenObjects([
    clusterNetwork({
      trustDomain: "shop.example",
      clusterDomain: "k8s.local",
      serviceCidrs: ["fd00::/108", "10.96.0.0/12"],
      podCidrs: ["10.244.0.0/16"],
    }),
  ]);
  const { trustDomain, clusterDomain, serviceCidrs, podCidrs } = mesh.settings;
  assert.deepEqual(
    [trustDomain, clusterDomain, serviceCidrs, podCidrs],
    ["shop.example", "k8s.local", ["10.96.0.0/12", "fd00::/108"], ["10.244.0.0/16"]],
  );
  assert.deepEqual(
    mesh.settings.causes.cidrs.map(({ kind }) => kind),
    ["ClusterNetwork"],
  );
  assert.deepEqual(problems, []);
});

test("one that cannot be read leaves the defaults", () => {
  const { mesh, problems } = givenObjects([
    clusterNetwork({ trustDomain: "shop.example", serviceCidrs: ["10.96.0.0"] }),
  ]);
  assert.deepEqual([mesh.settings.trustDomain, mesh.settings.serviceCidrs], ["cluster.local", []]);
  assert.deepEqual(problems, ["object-unreadable ClusterNetwork/cluster"]);
});
