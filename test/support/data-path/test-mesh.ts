import type { KubernetesClient } from "../../../gateway/kubernetes/client.ts";
import { applyObjects, deleteObjects, pathOf, unlessMissing } from "../../../local/demo/apply-objects.ts";
import { waitForPods } from "../../../local/demo/wait-for-pods.ts";
import type { ManifestObject } from "../../../local/scenarios/bookstore/manifests.ts";
import { startLocalMesh } from "../../../local/start-local-mesh.ts";
import { eventually } from "../eventually.ts";
import { readProblems, readProgress, type SeenProblem, untilSettled } from "./gateway-progress.ts";
import { metadataOf } from "./objects.ts";
import { createTestPod, type TestPod } from "./test-pod.ts";

/** A whole local mesh, and pods that do what tests ask of them. */
export interface TestMesh extends AsyncDisposable {
  readonly client: KubernetesClient;
  /** Network namespace of the node: every packet between pods passes it. */
  readonly nodeNamespace: string;
  /** The test's own machine, as pods see it: neither a pod's address nor a Service's. */
  readonly hostAddress: string;
  /** Applies objects in order, waits until pods among them are ready, and until every proxy has acknowledged what follows from them. */
  apply(objects: readonly ManifestObject[]): Promise<void>;
  /** Applies objects and waits until the gateway has seen them, no longer: for changes that not every proxy will acknowledge. */
  write(objects: readonly ManifestObject[]): Promise<void>;
  /** Deletes objects, waits until they are gone and every proxy has acknowledged what follows. */
  remove(objects: readonly ManifestObject[]): Promise<void>;
  /** By `namespace/name`; the pod is ready. */
  pod(key: string): Promise<TestPod>;
  /** Kubernetes Events of a namespace. */
  events(namespace: string): Promise<readonly SeenEvent[]>;
  problems(): Promise<readonly SeenProblem[]>;
  /** Every proxy that is connected has acknowledged the snapshot in force, which holds all that the gateway has seen. */
  settled(): Promise<void>;
}

export interface TestMeshOptions {
  readonly gatewayEnv?: Readonly<Record<string, string>>;
  readonly report?: (line: string) => void;
}

/** Envoy's drain time here: old connections of a changed chain end this soon. */
export const drainSeconds = 2;
/** For pods to start, on a busy machine. Milliseconds. */
const podLimit = 90_000;
/** Kinds whose every change moves the gateway's picture of the cluster. */
const policyKinds: ReadonlySet<string> = new Set([
  "MeshConfig",
  "TrafficTarget",
  "HTTPRouteGroup",
  "TCPRoute",
  "TrafficSplit",
]);

/** Takes about ten seconds. */
export async function startTestMesh({ gatewayEnv, report = () => {} }: TestMeshOptions = {}): Promise<TestMesh> {
  const mesh = await startLocalMesh({
    pods: true,
    install: false,
    say: report,
    // A change that alters no snapshot is announced by nobody; the slow read of the head finds it.
    gatewayEnv: { WEFT_DRAIN_MS: String(drainSeconds * 1000), WEFT_HEAD_READ_MS: "500", ...gatewayEnv },
    drainSeconds,
  });
  const { client, gatewayUrl, node } = mesh;
  if (node === undefined) {
    await mesh[Symbol.asyncDispose]();
    throw new Error(`no pods here: ${mesh.withoutPods?.join("; ")}`);
  }
  const meshedPods = async (): Promise<number> => {
    const { items } = await client.call<{ readonly items: readonly PodObject[] }>({ path: "/api/v1/pods" });
    return items.filter(
      ({ metadata }) => metadata.labels?.["osm-proxy-uuid"] !== undefined && metadata.deletionTimestamp === undefined,
    ).length;
  };
  const settled = async (): Promise<void> => {
    await untilSettled(gatewayUrl, { proxies: await meshedPods() });
  };
  /** A write whose effect on the gateway's picture is awaited, so that "settled" cannot mean the time before it. */
  const writePolicy = async (object: ManifestObject, write: () => Promise<void>): Promise<void> => {
    const { picture } = await readProgress(gatewayUrl);
    const before = await unlessMissing(client.call<Versioned>({ path: pathOf(object) }));
    await write();
    const after = await unlessMissing(client.call<Versioned>({ path: pathOf(object) }));
    if (before?.metadata.resourceVersion === after?.metadata.resourceVersion) return;
    await eventually(`the gateway sees ${pathOf(object)}`, async () => {
      return (await readProgress(gatewayUrl)).picture !== picture;
    });
  };
  const writeAll = async (objects: readonly ManifestObject[]): Promise<void> => {
    for (const object of objects) {
      const write = (): Promise<void> => applyObjects(client, [object]);
      await (policyKinds.has(object.kind) ? writePolicy(object, write) : write());
    }
  };
  return {
    client,
    nodeNamespace: node.namespace,
    hostAddress: node.gatewayAddress,
    async apply(objects) {
      await writeAll(objects);
      await waitForPods(client, objects, { limitMs: podLimit, signal: AbortSignal.timeout(podLimit) });
      await settled();
    },
    write: writeAll,
    async remove(objects) {
      const remove = (some: readonly ManifestObject[]): Promise<void> =>
        deleteObjects(client, some, AbortSignal.timeout(podLimit));
      for (const object of objects.filter(({ kind }) => policyKinds.has(kind)))
        await writePolicy(object, () => remove([object]));
      await remove(objects);
      await settled();
    },
    async pod(key) {
      const { namespace, name } = metadataOf(key);
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
      const { metadata, status } = await client.call<PodObject>({ path });
      if (status?.podIP === undefined) throw new Error(`${key} has no address`);
      return createTestPod({ key, uid: metadata.uid, address: status.podIP });
    },
    async events(namespace) {
      const path = `/api/v1/namespaces/${namespace}/events`;
      return (await client.call<{ readonly items: readonly SeenEvent[] }>({ path })).items;
    },
    problems: () => readProblems(gatewayUrl),
    settled,
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  };
}

/** A part of Kubernetes' Event. */
export interface SeenEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

interface Versioned {
  readonly metadata: { readonly resourceVersion?: string };
}

interface PodObject {
  readonly metadata: {
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status?: { readonly podIP?: string };
}
