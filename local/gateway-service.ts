import type { KubernetesClient, KubernetesObject } from "../gateway/kubernetes/client.ts";

/** The Service `weft-gateway`, without selector: the gateway is a process beside the cluster, at this address. */
export async function applyGatewayService(
  client: KubernetesClient,
  gateway: { readonly namespace: string; readonly address: string; readonly port: number },
): Promise<void> {
  const { namespace, address, port } = gateway;
  const name = "weft-gateway";
  await put(client, `/api/v1/namespaces/${namespace}/services`, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { ports: [{ name: "xds", port: 15128, targetPort: port, protocol: "TCP" }] },
  });
  await put(client, `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-local`,
      namespace,
      labels: { "kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "weft-local" },
    },
    addressType: "IPv4",
    ports: [{ name: "xds", port, protocol: "TCP" }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
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
