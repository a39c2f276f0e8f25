import { socketAddress } from "./addresses.ts";
import { encode } from "./encode.ts";
import { Metadata } from "./gen/envoy/config/core/v3/base.ts";
import { HealthStatus } from "./gen/envoy/config/core/v3/health_check.ts";
import { ClusterLoadAssignment_Policy } from "./gen/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "./gen/envoy/config/listener/v3/listener.ts";
import { meshLabel, plainLabel } from "./names.ts";
import { WireWriter } from "./wire-writer.ts";

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

/** Encoding never waits, so one for all. */
const writer = new WireWriter();

/**
 * The ClusterLoadAssignment of `name`. Empty groups of a split are left out or hold a sinkhole; nobody at all is an empty assignment. Written by hand,
 * as it is what changes most; the tags are those of envoy/config/endpoint/v3 and core/v3.
 */
export function encodeAssignment(name: string, groups: readonly AssignedGroup[]): Uint8Array {
  writer.clear();
  if (name !== "") writer.uint32(tags.clusterName).string(name);
  for (const group of groups) writeLocality(group);
  if (groups.some(({ weight }) => weight !== undefined)) writer.uint32(tags.policy).bytes(splitPolicy);
  return writer.finish();
}

const tags = {
  // ClusterLoadAssignment
  clusterName: 10,
  endpoints: 18,
  policy: 34,
  // LocalityLbEndpoints
  locality: 10,
  lbEndpoints: 18,
  loadBalancingWeight: 26,
  // LbEndpoint, Endpoint, Address
  endpoint: 10,
  healthStatus: 16,
  metadata: 26,
  address: 10,
  socketAddress: 10,
  // SocketAddress
  host: 18,
  port: 24,
  // Locality, UInt32Value
  subZone: 26,
  value: 8,
} as const;

const splitPolicy = encode(ClusterLoadAssignment_Policy, { overprovisioningFactor: splitOverprovisioning });

const meshMetadata = encodeMetadata(meshLabel);
const plainMetadata = encodeMetadata(plainLabel);

function writeLocality(group: AssignedGroup): void {
  const { label, weight, endpoints, sinkhole } = group;
  if (endpoints.length === 0 && !sinkhole) return;
  writer.uint32(tags.endpoints).fork();
  if (weight !== undefined) {
    writer.uint32(tags.locality).fork();
    if (label !== "") writer.uint32(tags.subZone).string(label);
    writer.join();
  }
  if (endpoints.length === 0) writeEndpoint(closedPort, { labelled: plainMetadata, draining: false });
  // In a split the panic threshold is the cluster's, not the backend's: a backend that has only draining endpoints sends them as healthy.
  const onlyDraining = weight !== undefined && endpoints.every(({ draining }) => draining);
  const labelled = metadataOf(label);
  for (const endpoint of endpoints) writeEndpoint(endpoint, { labelled, draining: endpoint.draining && !onlyDraining });
  if (weight !== undefined) {
    writer.uint32(tags.loadBalancingWeight).fork();
    if (weight !== 0) writer.uint32(tags.value).uint32(weight);
    writer.join();
  }
  writer.join();
}

function writeEndpoint(
  { address, port }: { readonly address: string; readonly port: number },
  { labelled, draining }: { readonly labelled: Uint8Array; readonly draining: boolean },
): void {
  writer.uint32(tags.lbEndpoints).fork();
  writer.uint32(tags.endpoint).fork().uint32(tags.address).fork().uint32(tags.socketAddress).fork();
  if (address !== "") writer.uint32(tags.host).string(address);
  writer.uint32(tags.port).uint32(port).join().join().join();
  if (draining) writer.uint32(tags.healthStatus).uint32(HealthStatus.DRAINING);
  writer.uint32(tags.metadata).bytes(labelled).join();
}

/** Envoy takes the transport socket of the endpoint's backend by it. The same for nearly all endpoints. */
function metadataOf(label: string): Uint8Array {
  return label === meshLabel ? meshMetadata : encodeMetadata(label);
}

function encodeMetadata(label: string): Uint8Array {
  return encode(Metadata, { filterMetadata: { "envoy.transport_socket_match": { backend: label } } });
}

/** A listener made from a template (fast-sets.ts, HeadlessSet): protobuf lets fields be appended in any order. */
export function encodeAddressedListener(
  template: Uint8Array,
  listener: { readonly name: string; readonly address: string; readonly port: number },
): Uint8Array {
  const head = encode(Listener, { name: listener.name, address: socketAddress(listener.address, listener.port) });
  return Buffer.concat([head, template]);
}
