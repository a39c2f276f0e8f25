/** Group of the kinds, labels and annotations that are our own. */
export const ownGroup = "weft.dev";

export interface KindName {
  readonly group: string;
  readonly kind: string;
}

/** Every kind of object that a cluster's state holds. */
export const kinds = {
  namespace: { group: "", kind: "Namespace" },
  service: { group: "", kind: "Service" },
  serviceAccount: { group: "", kind: "ServiceAccount" },
  meshConfig: { group: "config.openservicemesh.io", kind: "MeshConfig" },
  trafficTarget: { group: "access.smi-spec.io", kind: "TrafficTarget" },
  httpRouteGroup: { group: "specs.smi-spec.io", kind: "HTTPRouteGroup" },
  tcpRoute: { group: "specs.smi-spec.io", kind: "TCPRoute" },
  trafficSplit: { group: "split.smi-spec.io", kind: "TrafficSplit" },
  workloadClass: { group: ownGroup, kind: "WorkloadClass" },
  clusterNetwork: { group: ownGroup, kind: "ClusterNetwork" },
} as const satisfies Readonly<Record<string, KindName>>;

export type KnownKind = keyof typeof kinds;

/** `group/kind` */
export function kindText({ group, kind }: KindName): string {
  return `${group}/${kind}`;
}
