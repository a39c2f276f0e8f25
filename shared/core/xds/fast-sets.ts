import type { AccountKey, Protocol, ServiceKey } from "../mesh/mesh.ts";

/**
 * What the snapshot tells the fast lane (design.md §5). None of these is sent to a proxy: the gateway makes assignments, secrets and
 * headless listeners from them and from what it alone knows (EndpointSlices, pods, keys).
 */

/** Makes the ClusterLoadAssignment of the same name. */
export interface EndpointSet {
  /** One for a plain cluster. For a TCP split one a backend, each becoming a weighted locality (envoy.md §16 B). */
  readonly groups: readonly EndpointGroup[];
}

export interface EndpointGroup {
  readonly service: ServiceKey;
  /** Port number of the Service. */
  readonly port: number;
  /** Only endpoints whose pod runs as one of these are admitted; empty: nobody. Sorted. */
  readonly accounts: readonly AccountKey[];
  /** Absent for a plain cluster. ≥ 1: locality weight (backends of weight 0 are not listed). */
  readonly weight?: number;
  /** Value of `backend` in the endpoint's envoy.transport_socket_match metadata. */
  readonly label: string;
  /** Holds the group's share when it has no endpoint: 127.0.0.1 with a closed port, label `plain`. */
  readonly sinkhole: boolean;
}

/** Makes the validation-context Secret of the same name: trusted roots, and one of these names required of the peer. */
export interface TrustSet {
  /** URI SANs (SPIFFE) and DNS SANs, sorted; empty: an impossible SAN (an empty list would mean anyone, envoy.md §3). `any`: every peer of the roots. */
  readonly names: "any" | readonly { readonly kind: "uri" | "dns"; readonly name: string }[];
}

/** Makes one unbound listener for each address of a headless Service port (envoy.md §16 D). */
export interface HeadlessSet {
  readonly service: ServiceKey;
  readonly port: number;
  readonly protocol: Protocol;
  /** Only addresses of pods that run as one of these get a listener. Sorted, not empty. */
  readonly accounts: readonly AccountKey[];
  /** base64 of an encoded Listener without name and address: the fast lane appends these two fields. */
  readonly listenerTemplate: string;
}
