import { compile, translatorVersion } from "../../shared/core/compile.ts";
import { type AccountKey, type ServiceKey, serviceKey } from "../../shared/core/mesh/mesh.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { emptyTrie, trieOf } from "../../shared/core/trie/trie.ts";
import { type KubernetesObject, pod as podObject, stateOf } from "../../test/support/build.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { KubernetesObject as Received } from "../kubernetes/client.ts";
import type { ClusterChange, ClusterObjects } from "../kubernetes/cluster-objects.ts";
import { type EndpointSlice, toEndpointSlice } from "../kubernetes/endpoint-slices.ts";
import { type Pod, toPod } from "../kubernetes/pods.ts";
import { createSliceIndex } from "../kubernetes/slice-index.ts";
import { type SelectingService, workloadClassOf } from "../kubernetes/workload-classes.ts";
import type { ProxySecrets } from "./secrets.ts";

/** The fast lane's picture of a cluster, written to by a test. */
export interface FakeCluster extends ClusterObjects {
  readonly putPod: (object: KubernetesObject) => void;
  readonly dropPod: (key: string) => void;
  readonly putSlice: (slice: SliceShape) => void;
  readonly putService: (object: KubernetesObject) => void;
}

export interface SliceShape {
  readonly name: string;
  /** `namespace/name` */
  readonly service: string;
  readonly ports?: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
  readonly endpoints: readonly EndpointShape[];
}

export interface EndpointShape {
  readonly ip: string;
  /** Name in the Service's namespace. */
  readonly pod?: string;
  readonly podUid?: string;
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
}

export function createFakeCluster(...services: readonly KubernetesObject[]): FakeCluster {
  const pods = new Map<string, Pod>();
  const slices = createSliceIndex((service) => tell({ kind: "endpoints", service }));
  const known = new Map(services.map((service) => [keyOf(service), service]));
  const listeners = new Set<(change: ClusterChange) => void>();
  const tell = (change: ClusterChange): void => {
    for (const listener of listeners) listener(change);
  };
  const selecting = (): readonly SelectingService[] => [...known.values()] as never;
  return {
    objects: () => emptyTrie,
    note: () => undefined,
    pod: (key) => pods.get(key),
    pods: () => pods.values(),
    classOf(key) {
      const pod = pods.get(key);
      return pod && workloadClassOf(pod, selecting());
    },
    slices: slices.of,
    service: (key) => known.get(key) as SelectingService | undefined,
    servicesNaming: slices.naming,
    relist: async () => undefined,
    listed: Promise.resolve(),
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    [Symbol.asyncDispose]: async () => undefined,
    putPod(object) {
      const pod = toPod({
        ...object,
        metadata: { uid: `uid-${object.metadata.name}`, ...object.metadata },
      } as Received);
      pods.set(pod.key, pod);
      tell({ kind: "pod", pod: pod.key });
    },
    dropPod(key) {
      pods.delete(key);
      tell({ kind: "pod", pod: key });
    },
    putSlice: (shape) => slices.restore(sliceOf(shape)),
    putService(object) {
      known.set(keyOf(object), object);
      tell({ kind: "objects" });
    },
  };
}

function keyOf({ metadata }: KubernetesObject): ServiceKey {
  return serviceKey(metadata.namespace ?? "", metadata.name);
}

function sliceOf({ name, service, ports = [{ port: 8080 }], endpoints }: SliceShape): EndpointSlice {
  const [namespace = "", own = ""] = service.split("/");
  const slice = toEndpointSlice({
    metadata: { name, namespace, labels: { "kubernetes.io/service-name": own } },
    ports,
    endpoints: endpoints.map(({ ip, pod, podUid, conditions }) => ({
      addresses: [ip],
      ...(conditions && { conditions }),
      ...(pod !== undefined && { targetRef: { kind: "Pod", name: pod, ...(podUid && { uid: podUid }) } }),
    })),
  });
  if (slice === undefined) throw new Error("a slice of no Service");
  return slice;
}

/** A pod `shop/<name>` of an account, with a sidecar. */
export function shopPod(name: string, account: string, ip = "10.1.0.1"): KubernetesObject {
  return podObject(`shop/${name}`, { account, labels: { app: account }, ips: [ip] });
}

export interface FakeSecrets extends ProxySecrets {
  /** Issues what was asked for. */
  readonly issue: (account: AccountKey) => void;
  readonly changeRoots: (roots: string) => void;
  readonly released: AccountKey[];
}

/** Secrets as text: `identity of shop/cart`, and `<name> trusts <roots>`. */
export function createFakeSecrets(...issued: readonly AccountKey[]): FakeSecrets {
  const has = new Set(issued);
  const listeners = new Set<Parameters<ProxySecrets["onChange"]>[0]>();
  const released: AccountKey[] = [];
  let roots = "the root";
  return {
    identity: (account) => (has.has(account) ? Buffer.from(`identity of ${account}`) : undefined),
    release: (account) => void released.push(account),
    trust: (name) => Buffer.from(`${name} trusts ${roots}`),
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    issue(account) {
      has.add(account);
      for (const listener of listeners) listener({ account });
    },
    changeRoots(changed) {
      roots = changed;
      for (const listener of listeners) listener("roots");
    },
    released,
  };
}

/** Compiles as the functions do. */
export function snapshotOf(version: number, objects: readonly KubernetesObject[]): ServedSnapshot {
  return servedOf(version, stateOf(objects));
}

function servedOf(version: number, objects: readonly MeshObject[]): ServedSnapshot {
  const { snapshot } = compile({ objects, settings: { smiSemantics: "osm" } });
  const state = trieOf(objects.map(stateEntry)).root;
  const resources = [...snapshot.resources].map(
    ([hash, { body, causes }]) => [hash, { version: hash, body: Buffer.from(body), causes }] as const,
  );
  const served = {
    root: snapshot.index.root,
    state,
    policyVersion: 0,
    settingsVersion: 0,
    translator: translatorVersion,
  };
  return { incarnation: "first", version, served, snapshot, resources: new Map(resources) };
}
