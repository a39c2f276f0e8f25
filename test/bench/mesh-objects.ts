import type { ManifestObject } from "../../local/scenarios/bookstore/manifests.ts";

/** A mesh of services `s0`, `s1`, … in the namespace `shop`, where everybody may reach everything, as the peers were measured. */

const namespace = "shop";
const monitored = { name: namespace, labels: { "openservicemesh.io/monitored-by": "osm" } };

export function serviceName(index: number): string {
  return `s${index}`;
}

export function meshObjects(services: number): readonly ManifestObject[] {
  const names = Array.from({ length: services }, (_, index) => serviceName(index));
  return [
    { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } },
    { apiVersion: "v1", kind: "Namespace", metadata: monitored },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "osm-system" } },
    {
      apiVersion: "config.openservicemesh.io/v1alpha2",
      kind: "MeshConfig",
      metadata: { name: "osm-mesh-config", namespace: "osm-system" },
      spec: { traffic: { enablePermissiveTrafficPolicyMode: true, enableEgress: false } },
    },
    ...names.map((name) => ({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } })),
    ...names.map((name) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
    })),
    split(50),
  ];
}

/** Of the traffic to `s0`. */
export function split(percent: number): ManifestObject {
  return {
    apiVersion: "split.smi-spec.io/v1alpha4",
    kind: "TrafficSplit",
    metadata: { name: "weights", namespace },
    spec: {
      service: serviceName(0),
      backends: [
        { service: serviceName(1), weight: percent },
        { service: serviceName(2), weight: 100 - percent },
      ],
    },
  };
}
