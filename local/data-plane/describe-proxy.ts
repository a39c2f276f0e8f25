/** What a sidecar is told about itself and the gateway, beside its paths. Pure. */

import { proxyUuidOf } from "../../gateway/inject/marks.ts";
import type { Pod } from "./kubernetes-objects.ts";
import type { ProxyDescription } from "./pod-context.ts";

/** Where sidecars find the gateway. */
export interface XdsAddress {
  /** Host name that pods can resolve, or an address. */
  readonly host: string;
  readonly port: number;
  /** DNS name in the gateway's certificate. */
  readonly serverName: string;
  readonly rootCertificatesPem: string;
}

/** The proxy is named `<namespace>/<pod>/<uuid of its mark>` and clustered `<account>.<namespace>`, as OSM did. */
export function describeProxy(pod: Pod, xds: XdsAddress): ProxyDescription {
  const { name, namespace = "default", labels, uid } = pod.metadata;
  return {
    nodeId: `${namespace}/${name}/${proxyUuidOf(labels) ?? uid}`,
    nodeCluster: `${pod.spec.serviceAccountName ?? "default"}.${namespace}`,
    xdsHost: xds.host,
    xdsPort: xds.port,
    xdsServerName: xds.serverName,
    rootCertificatesPem: xds.rootCertificatesPem,
  };
}
