import { OSM_PROXY_UUID_LABEL, PROXY_UUID_LABEL, XDS_TOKEN_AUDIENCE } from "../../gateway/inject/marks.ts";
import type { KubernetesClient } from "../../gateway/kubernetes/client.ts";

export interface FeaturePod {
  readonly namespace: string;
  readonly name: string;
  readonly account: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Port of the container. */
  readonly port?: number;
  /** Its IP; proxies of tests connect from loopback. */
  readonly address?: string;
  /** False: without a sidecar. */
  readonly meshed?: boolean;
  readonly hostNetwork?: boolean;
}

export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  /** For its proxy. */
  readonly token: string;
}

/** A running, ready pod with a sidecar, as kubelet and injector would leave it, on the node `node-1`. */
export async function runPod(client: KubernetesClient, pod: FeaturePod): Promise<RunningPod> {
  const { namespace, name, account, address = "127.0.0.1", meshed = true } = pod;
  const uuid = "00000000-0000-4000-8000-000000000000";
  const mark = meshed ? { [OSM_PROXY_UUID_LABEL]: uuid, [PROXY_UUID_LABEL]: uuid } : {};
  const { metadata } = await client.call<{ readonly metadata: { readonly uid: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/pods`,
    body: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { ...pod.labels, ...mark } },
      spec: {
        serviceAccountName: account,
        nodeName: "node-1",
        ...(pod.hostNetwork === true && { hostNetwork: true }),
        containers: [{ name: "app", image: "app", ports: [{ containerPort: pod.port ?? 8080 }] }],
      },
    },
  });
  await setPodStatus(client, { namespace, name }, { ready: true, address });
  const audience = XDS_TOKEN_AUDIENCE;
  return { namespace, name, token: await podToken(client, { namespace, name, account, uid: metadata.uid, audience }) };
}

/** A token of the account, bound to the pod. */
export async function podToken(
  client: KubernetesClient,
  of: {
    readonly namespace: string;
    readonly name: string;
    readonly account: string;
    readonly uid: string;
    readonly audience: string;
  },
): Promise<string> {
  const { status } = await client.call<{ readonly status: { readonly token: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${of.namespace}/serviceaccounts/${of.account}/token`,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: [of.audience],
        expirationSeconds: 3600,
        boundObjectRef: { kind: "Pod", apiVersion: "v1", name: of.name, uid: of.uid },
      },
    },
  });
  return status.token;
}

/** What kubelet says of a pod. */
export async function setPodStatus(
  client: KubernetesClient,
  { namespace, name }: Pick<RunningPod, "namespace" | "name">,
  { ready, address }: { readonly ready: boolean; readonly address: string },
): Promise<void> {
  await client.call({
    method: "PATCH",
    path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
    body: {
      status: {
        phase: "Running",
        podIP: address,
        podIPs: [{ ip: address }],
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      },
    },
  });
}
