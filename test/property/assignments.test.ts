import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { socketAddress } from "../../shared/core/xds/addresses.ts";
import { type AssignedGroup, encodeAssignment } from "../../shared/core/xds/assignments.ts";
import { encode } from "../../shared/core/xds/encode.ts";
import { HealthStatus } from "../../shared/core/xds/gen/envoy/config/core/v3/health_check.ts";
import { ClusterLoadAssignment } from "../../shared/core/xds/gen/envoy/config/endpoint/v3/endpoint.ts";
import type { LbEndpoint } from "../../shared/core/xds/gen/envoy/config/endpoint/v3/endpoint_components.ts";
import { arbitraryText } from "../support/arbitrary-text.ts";
import { cases } from "./clusters.ts";

const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string());
const endpoint = fc.record({
  address,
  port: fc.oneof(fc.nat(65_535), fc.constantFrom(0, 127, 128, 16_384)),
  draining: fc.boolean(),
});
const label = fc.oneof(fc.constantFrom("mesh", "plain", "shop/cart/80"), arbitraryText);
const group: fc.Arbitrary<AssignedGroup> = fc.record(
  { label, weight: fc.nat(0xffff_ffff), sinkhole: fc.boolean(), endpoints: fc.array(endpoint, { maxLength: 40 }) },
  { requiredKeys: ["label", "sinkhole", "endpoints"] },
);

test("assignments written by hand are those of the generated encoder, byte for byte", () => {
  fc.assert(
    fc.property(arbitraryText, fc.array(group, { maxLength: 4 }), (name, groups) => {
      assert.deepEqual(Buffer.from(encodeAssignment(name, groups)), Buffer.from(generated(name, groups)));
    }),
    cases,
  );
});

function generated(clusterName: string, groups: readonly AssignedGroup[]): Uint8Array {
  const isSplit = groups.some(({ weight }) => weight !== undefined);
  return encode(ClusterLoadAssignment, {
    clusterName,
    endpoints: groups.flatMap(localityOf),
    ...(isSplit && { policy: { overprovisioningFactor: 100_000 } }),
  });
}

function localityOf({ label: backend, weight, sinkhole, endpoints }: AssignedGroup) {
  const onlyDraining = weight !== undefined && endpoints.every(({ draining }) => draining);
  const own = endpoints.map((one) => lbEndpoint(one, backend, one.draining && !onlyDraining));
  const closed = sinkhole && own.length === 0 ? [lbEndpoint({ address: "127.0.0.1", port: 1 }, "plain", false)] : own;
  if (closed.length === 0) return [];
  return [
    {
      lbEndpoints: closed,
      ...(weight !== undefined && { locality: { subZone: backend }, loadBalancingWeight: weight }),
    },
  ];
}

function lbEndpoint(
  { address: host, port }: { readonly address: string; readonly port: number },
  backend: string,
  draining: boolean,
): LbEndpoint {
  return {
    hostIdentifier: { $case: "endpoint", value: { address: socketAddress(host, port) } },
    ...(draining && { healthStatus: HealthStatus.DRAINING }),
    metadata: { filterMetadata: { "envoy.transport_socket_match": { backend } } },
  };
}
