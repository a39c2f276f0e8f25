import type { KubernetesClient } from "../../gateway/kubernetes/client.ts";
import { OSM_PROXY_UUID_LABEL, PROXY_UUID_LABEL, XDS_TOKEN_AUDIENCE } from "../../gateway/inject/marks.ts";

export interface FeaturePod {
  readonly namespace: string;
  readonly name: string;
  readonly account: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Port of the container. */
  readonly port?: number;
  /** Its IP; proxies of tests connect from loopback. */
  readonly address?: string;
}

/** A running, ready, meshed pod, as kubelet and injector would leave it. Returns a token for its proxy. */
export async function runPod(client: KubernetesClient, pod: FeaturePod): Promise<string> {
  const { namespace, name, account, address = "127.0.0.1" } = pod;
  const uuid = "00000000-0000-4000-8000-000000000000";
  const created = await client.call<{ readonly metadata: { readonly uid: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/pods`,
    body: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { ...pod.labels, [OSM_PROXY_UUID_LABEL]: uuid, [PROXY_UUID_LABEL]: uuid } },
      spec: {
        serviceAccountName: account,
        containers: [{ name: "app", image: "app", ports: [{ containerPort: pod.port ?? 8080 }] }],
      },
    },
  });
  await client.call({
    method: "PATCH",
    path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
    body: {
      status: {
        phase: "Running",
        podIP: address,
        podIPs: [{ ip: address }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    },
  });
  const { status } = await client.call<{ readonly status: { readonly token: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: [XDS_TOKEN_AUDIENCE],
        expirationSeconds: 3600,
        boundObjectRef: { kind: "Pod", apiVersion: "v1", name, uid: created.metadata.uid },
      },
    },
  });
  return status.token;
}
