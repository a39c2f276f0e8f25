import { workloadClassOf } from "../../gateway/kubernetes/workload-classes.ts";
import type { JsonObject } from "../../shared/core/canonical.ts";
import { type Normalised, normalise } from "../../shared/core/events/normalise.ts";
import { buildMesh } from "../../shared/core/mesh/build-mesh.ts";
import type { Mesh } from "../../shared/core/mesh/mesh.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import type { SmiSemantics } from "../../shared/core/policy/semantics.ts";

/** A Kubernetes object as the API server would send it. */
export interface KubernetesObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec?: JsonObject;
}

interface Metadata extends JsonObject {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
}

/** `namespace/name` */
type Name = string;

/** `created` counts seconds of one invented day: a larger number is a younger object. */
interface Age {
  readonly created?: number;
}

function metadata(name: Name, { created = 0 }: Age = {}): Metadata {
  const [namespace = "", own = ""] = name.split("/");
  return {
    name: own,
    namespace,
    creationTimestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, created)).toISOString().replace(".000Z", "Z"),
  };
}

export function namespace(
  name: string,
  labels: Readonly<Record<string, string>> = { "openservicemesh.io/monitored-by": "osm" },
): KubernetesObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

export interface PortShape {
  readonly port: number;
  readonly targetPort?: number | string;
  readonly name?: string;
  readonly appProtocol?: string;
  readonly protocol?: string;
}

interface ServiceShape extends Age {
  readonly ports: readonly (number | PortShape)[];
  readonly selector?: Readonly<Record<string, string>>;
  /** 'None': headless. */
  readonly clusterIP?: string;
  readonly type?: string;
}

/** Selects pods by the label `app` = its name unless told otherwise. */
export function service(name: Name, shape: ServiceShape): KubernetesObject {
  const meta = metadata(name, shape);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta,
    spec: {
      type: shape.type ?? "ClusterIP",
      clusterIPs: [shape.clusterIP ?? addressOf(name)],
      selector: shape.selector ?? { app: meta.name },
      ports: shape.ports.map((port) => (typeof port === "number" ? { port } : { ...port })),
    },
  };
}

/** An address in 10.96.0.0/12 that follows from the text alone. */
function addressOf(text: string): string {
  let hash = 7;
  for (const char of text) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 65_521;
  return `10.96.${hash >> 8}.${hash & 255}`;
}

interface PodShape {
  readonly account?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Named container ports. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly ips?: readonly string[];
  readonly meshed?: boolean;
  readonly hostNetwork?: boolean;
  readonly phase?: string;
}

/** A running pod with a sidecar; account and label `app` are its name unless told otherwise. */
export function pod(name: Name, shape: PodShape = {}): KubernetesObject {
  const meta = metadata(name);
  const mark = shape.meshed === false ? {} : { "osm-proxy-uuid": "8f9ab3b2-0c4f-4d2c-9b0e-6f3f7c7a1111" };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...meta,
      labels: { ...(shape.labels ?? { app: meta.name }), ...mark },
      annotations: shape.annotations ?? {},
    },
    spec: {
      serviceAccountName: shape.account ?? meta.name,
      containers: [
        {
          name: "app",
          ports: Object.entries(shape.ports ?? {}).map(([port, containerPort]) => ({ name: port, containerPort })),
        },
      ],
      ...(shape.hostNetwork === true && { hostNetwork: true }),
    },
    status: { phase: shape.phase ?? "Running", podIPs: (shape.ips ?? ["10.244.0.5"]).map((ip) => ({ ip })) },
  };
}

interface TargetShape {
  /** Name of a ServiceAccount in the target's namespace. */
  readonly to: string;
  /** `namespace/name` of ServiceAccounts. */
  readonly from: readonly Name[];
  readonly rules: readonly { readonly kind: string; readonly name: string; readonly matches?: readonly string[] }[];
}

export function trafficTarget(name: Name, { to, from, rules }: TargetShape): KubernetesObject {
  const meta = metadata(name);
  return {
    apiVersion: "access.smi-spec.io/v1alpha3",
    kind: "TrafficTarget",
    metadata: meta,
    spec: {
      destination: { ...account(`${meta.namespace}/${to}`) },
      sources: from.map(account),
      rules: rules.map((rule) => ({ ...rule })),
    },
  };
}

function account(name: Name): JsonObject {
  const [ns = "", own = ""] = name.split("/");
  return { kind: "ServiceAccount", namespace: ns, name: own };
}

export interface MatchShape extends JsonObject {
  readonly name: string;
  readonly pathRegex?: string;
  readonly methods?: readonly string[];
}

export function httpRouteGroup(name: Name, matches: readonly MatchShape[]): KubernetesObject {
  return {
    apiVersion: "specs.smi-spec.io/v1alpha4",
    kind: "HTTPRouteGroup",
    metadata: metadata(name),
    spec: { matches },
  };
}

export function tcpRoute(name: Name, ports: readonly number[] = []): KubernetesObject {
  return {
    apiVersion: "specs.smi-spec.io/v1alpha4",
    kind: "TCPRoute",
    metadata: metadata(name),
    spec: { matches: { ports } },
  };
}

interface SplitShape extends Age {
  readonly root: string;
  /** Weight by Service name. */
  readonly backends: Readonly<Record<string, number>>;
  /** Names of HTTPRouteGroups. */
  readonly matches?: readonly string[];
}

export function trafficSplit(name: Name, { root, backends, matches, created = 0 }: SplitShape): KubernetesObject {
  return {
    apiVersion: "split.smi-spec.io/v1alpha4",
    kind: "TrafficSplit",
    metadata: metadata(name, { created }),
    spec: {
      service: root,
      backends: Object.entries(backends).map(([backend, weight]) => ({ service: backend, weight })),
      ...(matches && { matches: matches.map((group) => ({ kind: "HTTPRouteGroup", name: group })) }),
    },
  };
}

interface MeshConfigShape extends Age {
  readonly permissive?: boolean;
  readonly egress?: boolean;
  readonly sidecar?: JsonObject;
}

export function meshConfig({ permissive, egress, sidecar = {}, created = 0 }: MeshConfigShape): KubernetesObject {
  return {
    apiVersion: "config.openservicemesh.io/v1alpha2",
    kind: "MeshConfig",
    metadata: metadata("osm-system/osm-mesh-config", { created }),
    spec: { sidecar, traffic: { enablePermissiveTrafficPolicyMode: permissive, enableEgress: egress } },
  };
}

export function clusterNetwork(spec: JsonObject): KubernetesObject {
  return { apiVersion: "weft.dev/v1alpha1", kind: "ClusterNetwork", metadata: { name: "cluster" }, spec };
}

/** Of most generated clusters most objects are the same. */
const known = new WeakMap<KubernetesObject, Normalised>();

function normalisedOnce(object: KubernetesObject): Normalised {
  const normalised = known.get(object) ?? normalise(object);
  known.set(object, normalised);
  return normalised;
}

/** What the state of a cluster with these objects holds: Pods become the workload classes that the gateway makes of them. */
export function stateOf(objects: readonly KubernetesObject[]): readonly MeshObject[] {
  const services = objects.filter(({ kind }) => kind === "Service");
  const state = new Map<string, MeshObject>();
  for (const object of objects) {
    const read = object.kind === "Pod" ? workloadClassOf(object, services) : normalisedOnce(object);
    if (read === undefined) continue;
    if ("refused" in read) throw new Error(`${object.kind} ${object.metadata.name}: ${read.refused}`);
    state.set(JSON.stringify(read.key), read);
  }
  return [...state.values()];
}

/** The mesh of a cluster with these objects, and its problems as `code kind/name`. */
export function givenObjects(
  objects: readonly KubernetesObject[],
  smiSemantics: SmiSemantics = "osm",
): { readonly mesh: Mesh; readonly problems: readonly string[] } {
  const { mesh, problems } = buildMesh({ objects: stateOf(objects), settings: { smiSemantics } });
  return { mesh, problems: problems.map(({ code, object }) => `${code} ${object.kind}/${object.name}`) };
}
