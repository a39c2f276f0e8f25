import { socketAddress } from "./addresses.ts";
import { encode } from "./encode.ts";
import { HealthStatus } from "./gen/envoy/config/core/v3/health_check.ts";
import { ClusterLoadAssignment } from "./gen/envoy/config/endpoint/v3/endpoint.ts";
import type { LbEndpoint, LocalityLbEndpoints } from "./gen/envoy/config/endpoint/v3/endpoint_components.ts";
import { Listener } from "./gen/envoy/config/listener/v3/listener.ts";
import { plainLabel } from "./names.ts";

/** What the fast lane found for one group of an endpoint set. Sorted by address, then port. */
export interface AssignedGroup {
  /** Value of `backend` in envoy.transport_socket_match. */
  readonly label: string;
  readonly weight?: number;
  readonly sinkhole: boolean;
  readonly endpoints: readonly AssignedEndpoint[];
}

export interface AssignedEndpoint {
  readonly address: string;
  readonly port: number;
  /** Terminating and still serving: used only when no ready one of the cluster is left. */
  readonly draining: boolean;
}

/** Health of one backend must not move the weights of a split (envoy.md §16 B). */
const splitOverprovisioning = 100_000;
/** Nobody listens here: a backend without endpoints keeps its share, and its connections are closed. */
const closedPort = { address: "127.0.0.1", port: 1 } as const;

/** The ClusterLoadAssignment of `name`. Empty groups of a split are left out or hold a sinkhole; nobody at all is an empty assignment. */
export function encodeAssignment(name: string, groups: readonly AssignedGroup[]): Uint8Array {
  const isSplit = groups.some(({ weight }) => weight !== undefined);
  const endpoints = groups.flatMap((group) => localityOf(group));
  return encode(ClusterLoadAssignment, {
    clusterName: name,
    endpoints,
    ...(isSplit && { policy: { overprovisioningFactor: splitOverprovisioning } }),
  });
}

function localityOf(group: AssignedGroup): readonly LocalityLbEndpoints[] {
  const lbEndpoints = group.endpoints.length === 0 && group.sinkhole ? [sinkhole()] : groupEndpoints(group);
  if (lbEndpoints.length === 0) return [];
  if (group.weight === undefined) return [{ lbEndpoints }];
  return [{ locality: { subZone: group.label }, loadBalancingWeight: group.weight, lbEndpoints }];
}

function groupEndpoints(group: AssignedGroup): readonly LbEndpoint[] {
  // In a split the panic threshold is the cluster's, not the backend's: a backend that has only draining endpoints sends them as healthy.
  const onlyDraining = group.weight !== undefined && group.endpoints.every(({ draining }) => draining);
  return group.endpoints.map((endpoint) => lbEndpoint(endpoint, group.label, endpoint.draining && !onlyDraining));
}

function sinkhole(): LbEndpoint {
  return lbEndpoint(closedPort, plainLabel, false);
}

function lbEndpoint(
  { address, port }: { readonly address: string; readonly port: number },
  label: string,
  draining: boolean,
): LbEndpoint {
  return {
    hostIdentifier: { $case: "endpoint", value: { address: socketAddress(address, port) } },
    ...(draining && { healthStatus: HealthStatus.DRAINING }),
    metadata: { filterMetadata: { "envoy.transport_socket_match": { backend: label } } },
  };
}

/** A listener made from a template (fast-sets.ts, HeadlessSet): protobuf lets fields be appended in any order. */
export function encodeAddressedListener(
  template: Uint8Array,
  listener: { readonly name: string; readonly address: string; readonly port: number },
): Uint8Array {
  const head = encode(Listener, { name: listener.name, address: socketAddress(listener.address, listener.port) });
  return Buffer.concat([head, template]);
}
