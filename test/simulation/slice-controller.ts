import type { KubernetesObject } from "../../local/kubernetes/object.ts";
import type { ObjectStore } from "../../local/kubernetes/store/object-store.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Keeps EndpointSlices equal to Services and pods, a moment later, as Kubernetes' own controller does. */
export interface SliceController {
  /** Something changed. */
  readonly look: () => void;
}

const collection = "endpointslices.discovery.k8s.io";
/** Slices of a Service: pods are spread over them. */
const parts = ["a", "b"];

interface RawService extends KubernetesObject {
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly port: number; readonly targetPort?: number; readonly name?: string }[];
  };
}

export interface RawPod extends KubernetesObject {
  readonly spec?: { readonly serviceAccountName?: string };
  readonly status?: {
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export function startSliceController(options: {
  readonly store: ObjectStore;
  readonly time: VirtualTime;
  readonly random: Random;
}): SliceController {
  const { store, time, random } = options;
  let due = false;
  const reconcile = (): void => {
    due = false;
    const wanted = new Map<string, object>();
    for (const service of store.list("services") as readonly RawService[])
      for (const slice of slicesOf(service, podsBehind(store, service))) wanted.set(keyOf(slice), slice);
    for (const slice of store.list(collection))
      if (!wanted.has(keyOf(slice))) store.remove(collection, slice.metadata.namespace, slice.metadata.name);
    for (const slice of wanted.values()) {
      const { metadata } = slice as KubernetesObject;
      const present = store.get(collection, metadata.namespace, metadata.name);
      if (contentOf(present) !== contentOf(slice)) store.put(collection, slice as KubernetesObject);
    }
  };
  return {
    look() {
      if (due) return;
      due = true;
      time.after(random.between(1, 400), undefined, reconcile);
    },
  };
}

/** Pods that a Service selects, with whether each is ready. */
export function podsBehind(store: ObjectStore, service: KubernetesObject): readonly RawPod[] {
  const selector = Object.entries((service as RawService).spec?.selector ?? {});
  return (store.list("pods", service.metadata.namespace) as readonly RawPod[]).filter(
    ({ metadata }) => selector.length > 0 && selector.every(([name, value]) => metadata.labels?.[name] === value),
  );
}

export function isReady({ status }: RawPod): boolean {
  return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true;
}

export function addressesOf({ status }: RawPod): readonly string[] {
  return (status?.podIPs ?? []).map(({ ip }) => ip);
}

function slicesOf(service: RawService, pods: readonly RawPod[]): readonly object[] {
  const { name, namespace } = service.metadata;
  return parts.map((part, index) => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-${part}`,
      namespace,
      labels: { "kubernetes.io/service-name": name },
      uid: `slice-${name}-${part}`,
    },
    addressType: "IPv4",
    ports: (service.spec?.ports ?? []).map(({ port, targetPort = port, name: portName = "" }) => ({
      name: portName,
      port: targetPort,
      protocol: "TCP",
    })),
    endpoints: pods
      .filter((pod) => addressesOf(pod).join("").length % parts.length === index)
      .map((pod) => ({
        addresses: addressesOf(pod),
        conditions: { ready: isReady(pod) },
        targetRef: { kind: "Pod", name: pod.metadata.name, namespace, uid: pod.metadata.uid },
      })),
  }));
}

function keyOf(slice: object): string {
  const { metadata } = slice as KubernetesObject;
  return `${metadata.namespace}/${metadata.name}`;
}

function contentOf(slice: object | undefined): string {
  if (slice === undefined) return "";
  const { ports, endpoints } = slice as { readonly ports?: unknown; readonly endpoints?: unknown };
  return JSON.stringify([ports, endpoints]);
}
