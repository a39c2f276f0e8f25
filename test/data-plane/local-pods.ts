/** The data plane on the Kubernetes stand-in, for tests: applies YAML. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { createKubernetesClient, isRefusal, type KubernetesClient } from "../../gateway/kubernetes/client.ts";
import { type NodeReservation, reserveNode } from "../../local/data-plane/reserve-node.ts";
import { startKubernetes } from "../../local/kubernetes/start-kubernetes.ts";

export interface LocalCluster extends AsyncDisposable {
  readonly node: NodeReservation["node"];
  readonly client: KubernetesClient;
  /** Path of the kubeconfig file. */
  readonly kubeconfig: string;
  /** A directory of the test's own. */
  readonly folder: string;
}

/** A node number and a Kubernetes that hands out its Service addresses. */
export async function startLocalCluster(): Promise<LocalCluster> {
  await using building = new AsyncDisposableStack();
  const { node } = building.use(await reserveNode());
  const kubernetes = building.use(await startKubernetes({ serviceCidr: node.serviceCidr }));
  const folder = await mkdtemp(join(tmpdir(), "weft-pods-"));
  building.defer(() => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, kubernetes.kubeconfig, { mode: 0o600 });
  const client = await createKubernetesClient(kubeconfig);
  const standing = building.move();
  return { node, client, kubeconfig, folder, [Symbol.asyncDispose]: () => standing.disposeAsync() };
}

const COLLECTIONS: Readonly<Record<string, string>> = {
  Namespace: "/api/v1/namespaces",
  Pod: "/api/v1/namespaces/NS/pods",
  Service: "/api/v1/namespaces/NS/services",
  ServiceAccount: "/api/v1/namespaces/NS/serviceaccounts",
  EndpointSlice: "/apis/discovery.k8s.io/v1/namespaces/NS/endpointslices",
};

/** Creates every object of a YAML text, in order. */
export async function create(client: KubernetesClient, yaml: string): Promise<void> {
  for (const document of parseAllDocuments(yaml)) {
    const body = document.toJS() as { kind: string; metadata: { namespace?: string } };
    const path = COLLECTIONS[body.kind]?.replace("NS", body.metadata.namespace ?? "default");
    if (path === undefined) throw new Error(`no collection for ${body.kind}`);
    await client.call({ method: "POST", path, body });
  }
}

export interface PodSeen {
  readonly metadata: { readonly uid: string; readonly labels?: Readonly<Record<string, string>> };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly message?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly ready: boolean;
      readonly state: Readonly<Record<string, { readonly reason?: string; readonly message?: string }>>;
    }[];
  };
}

/** Undefined when there is no such pod. */
export async function getPod(client: KubernetesClient, key: string): Promise<PodSeen | undefined> {
  const [namespace, name] = key.split("/");
  try {
    return (await client.call({ method: "GET", path: `/api/v1/namespaces/${namespace}/pods/${name}` })) as PodSeen;
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

export function isReady(pod: PodSeen | undefined): boolean {
  return pod?.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}
