import type { KubernetesClient, KubernetesObject } from "../gateway/kubernetes/client.ts";

/** A gateway process beside the cluster, as its Service sees it. */
export interface GatewayReplica {
  /** Its part's. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** False while it ends: no new connection is led to it. */
  readonly ready: boolean;
}

/** The Service `weft-gateway`, without selector. Replicas share an address and differ in the port, so each has a slice of its own. */
export async function applyGatewayService(
  client: KubernetesClient,
  { namespace, replicas }: { readonly namespace: string; readonly replicas: readonly GatewayReplica[] },
): Promise<void> {
  const name = "weft-gateway";
  await put(client, `/api/v1/namespaces/${namespace}/services`, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { ports: [{ name: "xds", port: 15128, targetPort: "xds", protocol: "TCP" }] },
  });
  for (const replica of replicas)
    await put(client, `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${name}-local-${replica.name}`,
        namespace,
        labels: { "kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "weft-local" },
      },
      addressType: "IPv4",
      ports: [{ name: "xds", port: replica.port, protocol: "TCP" }],
      endpoints: [{ addresses: [replica.address], conditions: { ready: replica.ready } }],
    });
}

async function put(client: KubernetesClient, path: string, object: KubernetesObject): Promise<void> {
  await client.call({
    method: "PATCH",
    path: `${path}/${object.metadata.name}?fieldManager=weft-local&force=true`,
    body: object,
    contentType: "application/apply-patch+yaml",
  });
}
