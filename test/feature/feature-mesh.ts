import { once } from "node:events";
import type { JsonValue } from "@bufbuild/protobuf";
import type { KubernetesClient } from "../../gateway/kubernetes/client.ts";
import {
  connectFakeProxy,
  type FakeProxy,
  type FakeProxyOptions,
  type HeldResource,
} from "../../local/proxies/fake-proxy.ts";
import { startLocalMesh } from "../../local/start-local-mesh.ts";
import type { MemoryMesh } from "../../local/start-memory-mesh.ts";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";
import { within } from "../conformance/xds/within.ts";
import { type KubernetesObject, namespace as namespaceOf } from "../support/build.ts";
import { eventually } from "../support/eventually.ts";
import { type FeaturePod, type RunningPod, runPod } from "./feature-proxy.ts";

/** A mesh in this process with the namespace `shop`, written to as a user does and seen as a proxy sees it. */
export interface FeatureMesh extends AsyncDisposable {
  readonly mesh: MemoryMesh;
  readonly client: KubernetesClient;
  /** Creates objects or makes existing ones as given. */
  apply(...objects: readonly KubernetesObject[]): Promise<void>;
  remove(object: KubernetesObject): Promise<void>;
  /** A pod in `shop`, its account made if need be. */
  run(pod: Omit<FeaturePod, "namespace">): Promise<RunningPod>;
  connect(pod: RunningPod, options?: Partial<FakeProxyOptions>): FeatureProxy;
  /** A page of the gateway's admin interface. */
  debug<T>(page: string): Promise<T>;
  /** Waits until the gateway has seen every policy written here, and all proxies acknowledged what it makes of them. Returns the version. */
  settled(): Promise<number>;
}

export interface FeatureProxy extends FakeProxy {
  names(type: EnvoyType): readonly string[];
  /** As JSON text, to look for words in it; empty where there is none. */
  text(type: EnvoyType, name: string): string;
  /** Looks after every message until the answer is neither undefined nor false. */
  until<T>(what: string, look: () => T | undefined | false): Promise<T>;
}

const node = { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } };

export async function startFeatureMesh(gatewayEnv: Readonly<Record<string, string>> = {}): Promise<FeatureMesh> {
  await using life = new AsyncDisposableStack();
  const env = { WEFT_SETTLE_MS: "50", WEFT_HEAD_READ_MS: "200", WEFT_LEASE_MS: "1000", ...gatewayEnv };
  const mesh = life.use(await startLocalMesh({ processes: false, gatewayEnv: env }));
  const { client } = mesh;
  const unseen = new Map<string, KubernetesObject>();
  const note = (object: KubernetesObject): void => {
    if (policyKinds.has(object.kind)) unseen.set(object.kind, object);
  };
  const apply = async (...objects: readonly KubernetesObject[]): Promise<void> => {
    for (const object of objects) {
      note(object);
      const path = `${pathOf(object)}?fieldManager=test&force=true`;
      await client.call({
        method: "PATCH",
        path,
        body: asWritten(object),
        contentType: "application/apply-patch+yaml",
      });
    }
  };
  const debug = async <T>(page: string): Promise<T> => (await (await fetch(`${mesh.gatewayUrl}${page}`)).json()) as T;
  await apply(node, namespaceOf("shop"), namespaceOf("osm-system", {}), namespaceOf(markerNamespace, {}));
  const running = life.move();
  return {
    mesh,
    client,
    apply,
    async remove(object) {
      note(object);
      await client.call({ method: "DELETE", path: pathOf(object) });
    },
    async run(pod) {
      await apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: pod.account, namespace: "shop" } });
      return runPod(client, { ...pod, namespace: "shop" });
    },
    connect: (pod, options) => featureProxy(connectFakeProxy({ ...connectionOf(mesh, pod), ...options })),
    debug,
    async settled() {
      const markers = [...unseen.values()].map(markerOf);
      await apply(...markers);
      unseen.clear();
      return settled(debug, markers);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function connectionOf({ xdsPort, roots }: MemoryMesh, { namespace, name, token }: RunningPod): FakeProxyOptions {
  const serverName = "weft-gateway.weft-system.svc";
  return { port: xdsPort, roots, token, serverName, nodeId: `${namespace}/${name}` };
}

function featureProxy(proxy: FakeProxy): FeatureProxy {
  return {
    ...proxy,
    names: (type) => [...proxy.held[type].keys()].sort(),
    text: (type, name) => textOf(proxy.held[type].get(name)),
    async until(what, look) {
      for (;;) {
        const answer = look();
        if (answer !== undefined && answer !== false) return answer;
        await within(once(proxy.events, "change"), `${what}; the proxy holds ${summary(proxy)}`);
      }
    },
  };
}

function textOf(resource: HeldResource | undefined): string {
  return resource === undefined ? "" : JSON.stringify(resource.content satisfies JsonValue);
}

function summary({ held }: FakeProxy): string {
  return Object.values(held)
    .flatMap((resources) => [...resources.keys()])
    .join(", ");
}

/** Kinds of which objects outside the mesh mean nothing. */
const policyKinds: ReadonlySet<string> = new Set([
  "MeshConfig",
  "TrafficTarget",
  "HTTPRouteGroup",
  "TCPRoute",
  "TrafficSplit",
]);
const markerNamespace = "markers";
let markers = 0;

/** An object of the same kind that changes nothing. Kinds are watched in order, so who has seen it has seen all of its kind before. */
function markerOf(object: KubernetesObject): KubernetesObject {
  return { ...object, metadata: { name: `marker-${++markers}`, namespace: markerNamespace } };
}

function stateKey({ apiVersion, kind, metadata }: KubernetesObject): string {
  return `${apiVersion.slice(0, apiVersion.indexOf("/"))}/${kind}/${metadata.namespace}/${metadata.name}`;
}

interface ProxiesPage {
  readonly wanted: number;
  readonly proxies: readonly { readonly acknowledged: number }[];
}

async function settled(debug: FeatureMesh["debug"], seen: readonly KubernetesObject[]): Promise<number> {
  return eventually("the mesh is settled", async () => {
    const { state, objects } = await debug<{ readonly state: string; readonly objects: readonly string[] }>(
      "/debug/state",
    );
    if (!seen.every((marker) => objects.includes(stateKey(marker)))) return undefined;
    const { served } = await debug<{ readonly served?: { readonly state: string } }>("/debug/snapshot");
    const { wanted, proxies } = await debug<ProxiesPage>("/debug/proxies");
    return served?.state === state && proxies.every(({ acknowledged }) => acknowledged === wanted) && wanted;
  });
}

function pathOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${kind.toLowerCase()}s/${metadata.name}`;
}

/** What a user writes: addresses are Kubernetes' to give, but for `None`; times too. */
function asWritten(object: KubernetesObject): KubernetesObject {
  const { creationTimestamp, ...metadata } = object.metadata;
  void creationTimestamp;
  const { clusterIPs, ...spec } = object.spec ?? {};
  const headless = Array.isArray(clusterIPs) && clusterIPs[0] === "None";
  return {
    ...object,
    metadata,
    ...(object.spec !== undefined && { spec: { ...spec, ...(headless && { clusterIP: "None" }) } }),
  };
}
