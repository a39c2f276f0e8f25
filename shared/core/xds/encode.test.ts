import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, milliseconds } from "./encode.ts";
import { Cluster, Cluster_DiscoveryType } from "./gen/envoy/config/cluster/v3/cluster.ts";

test("a message and the rest of its fields, encoded before, give the bytes of the whole", () => {
  const head: Cluster = { name: "a", clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.EDS } };
  const rest: Cluster = { connectTimeout: milliseconds(5000), commonLbConfig: { healthyPanicThreshold: { value: 1 } } };
  assert.deepEqual(encode(Cluster, head, encode(Cluster, rest)), encode(Cluster, { ...head, ...rest }));
});
