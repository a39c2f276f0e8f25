/**
 * Every label and annotation that injection reads or writes, in one place (spec/open-service-mesh.md §1.4).
 * The `openservicemesh.io` names are OSM's own and kept; `weft.dev` names are ours.
 */

/** Namespace label: the namespace belongs to the mesh that the value names. */
export const MONITORED_BY_LABEL = "openservicemesh.io/monitored-by";
/** Namespace label: the namespace is left alone by both webhooks. */
export const IGNORE_LABEL = "openservicemesh.io/ignore";
/** Namespace label of control planes (Kubernetes' own convention); such namespaces are never injected. */
export const CONTROL_PLANE_LABEL = "control-plane";

/** Annotation on namespace and pod: enabled/yes/true or disabled/no/false. The pod's overrides its namespace's. */
export const SIDECAR_INJECTION_ANNOTATION = "openservicemesh.io/sidecar-injection";

/** Pod annotations that narrow the interception: comma lists of ports or of IPv4 CIDRs. */
export const OUTBOUND_PORT_EXCLUSION_ANNOTATION = "openservicemesh.io/outbound-port-exclusion-list";
export const INBOUND_PORT_EXCLUSION_ANNOTATION = "openservicemesh.io/inbound-port-exclusion-list";
export const OUTBOUND_RANGE_EXCLUSION_ANNOTATION = "openservicemesh.io/outbound-ip-range-exclusion-list";
export const OUTBOUND_RANGE_INCLUSION_ANNOTATION = "openservicemesh.io/outbound-ip-range-inclusion-list";

/** Pod label that says "this pod has a sidecar", as OSM writes it; the value is a UUID. */
export const OSM_PROXY_UUID_LABEL = "osm-proxy-uuid";
/** The same mark in our own group. Injection writes both, with one UUID. */
export const PROXY_UUID_LABEL = "weft.dev/proxy-uuid";

/** Audience of the projected token that a sidecar shows on the xDS stream (design.md §6). */
export const XDS_TOKEN_AUDIENCE = "weft-xds";
/** The user that Envoy runs as; interception exempts its traffic. */
export const PROXY_UID = 1500;

/** Ports of the sidecar, the same as OSM's (spec/open-service-mesh.md §1.1). */
export const PROXY_PORTS = {
  outbound: 15001,
  inbound: 15003,
  metrics: 15010,
  liveness: 15901,
  readiness: 15902,
  startup: 15903,
  tcpHealthCheck: 15904,
} as const;

/** The labels that mark a pod as carrying a sidecar. */
export function proxyMarks(uuid: string): Readonly<Record<string, string>> {
  return { [OSM_PROXY_UUID_LABEL]: uuid, [PROXY_UUID_LABEL]: uuid };
}

/** The UUID that a pod's labels carry, ours or OSM's, or undefined for a pod without sidecar. */
export function proxyUuidOf(labels: Readonly<Record<string, string>> | undefined): string | undefined {
  return labels?.[PROXY_UUID_LABEL] ?? labels?.[OSM_PROXY_UUID_LABEL];
}
