/** Which endpoints a Service has, and how they are laid out over EndpointSlices: values in, values out. */
import { at, type JsonRecord, recordsOf, sameJson, textOf } from "../json.ts";
import type { KubernetesObject } from "../object.ts";

/** Endpoints of one EndpointSlice at most. */
const sliceSize = 100;

export interface SlicePort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly appProtocol?: string;
}

export interface Endpoint extends JsonRecord {
  readonly addresses: readonly string[];
}

interface Group {
  readonly ports: readonly SlicePort[];
  readonly endpoints: ReadonlyMap<string, Endpoint>;
}

/** The contents wanted for one slice; `slice` is the present one that they go into, undefined for a new one. */
export interface PlannedSlice {
  readonly slice: KubernetesObject | undefined;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SlicePlan {
  readonly write: readonly PlannedSlice[];
  readonly remove: readonly KubernetesObject[];
}

const isReady = (pod: KubernetesObject): boolean =>
  recordsOf(at(pod, "status", "conditions")).some(({ type, status }) => type === "Ready" && status === "True");

/**
 * Pods that have ended, or have no address yet, are no endpoints; those in deletion are, as terminating ones. A Pod
 * that is on no Node, or on one that does not exist, is none either, unless the Service wants all Pods.
 */
function isEndpoint(service: KubernetesObject, pod: KubernetesObject, node: KubernetesObject | undefined): boolean {
  const phase = at(pod, "status", "phase");
  if (textOf(at(pod, "status", "podIP")) === "" || phase === "Succeeded" || phase === "Failed") return false;
  return node !== undefined || at(service, "spec", "publishNotReadyAddresses") === true;
}

function endpointOf(service: KubernetesObject, pod: KubernetesObject, node: KubernetesObject | undefined): Endpoint {
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const always = at(service, "spec", "publishNotReadyAddresses") === true;
  const nodeName = textOf(at(pod, "spec", "nodeName"));
  const zone = node?.metadata.labels?.["topology.kubernetes.io/zone"];
  const { name, namespace, uid } = pod.metadata;
  const named = at(pod, "spec", "subdomain") === service.metadata.name;
  const hostname = named ? textOf(at(pod, "spec", "hostname")) : "";
  return {
    addresses: [textOf(at(pod, "status", "podIP"))],
    conditions: { ready: always || (serving && !terminating), serving, terminating },
    ...(hostname === "" ? {} : { hostname }),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(nodeName === "" ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
  };
}

/** The number of a Service's target port in a pod; undefined for a name that the pod does not have. */
function targetPort(pod: KubernetesObject, port: JsonRecord): number | undefined {
  const target = port["targetPort"];
  if (typeof target === "number") return target;
  const sidecars = recordsOf(at(pod, "spec", "initContainers")).filter((each) => each["restartPolicy"] === "Always");
  for (const container of [...recordsOf(at(pod, "spec", "containers")), ...sidecars]) {
    for (const { name, protocol, containerPort } of recordsOf(container["ports"])) {
      if (name === target && (protocol ?? "TCP") === (port["protocol"] ?? "TCP")) return Number(containerPort);
    }
  }
  return undefined;
}

function portsOf(service: KubernetesObject, pod: KubernetesObject): readonly SlicePort[] {
  return recordsOf(at(service, "spec", "ports")).flatMap((port): SlicePort[] => {
    const number = targetPort(pod, port);
    if (number === undefined) return [];
    const appProtocol = textOf(port["appProtocol"]);
    return [
      {
        name: textOf(port["name"]),
        protocol: textOf(port["protocol"]) || "TCP",
        port: number,
        ...(appProtocol === "" ? {} : { appProtocol }),
      },
    ];
  });
}

/** Endpoints by the ports that they answer on: a slice has one set of ports. */
function groupEndpoints(
  service: KubernetesObject,
  pods: readonly KubernetesObject[],
  nodeOf: (pod: KubernetesObject) => KubernetesObject | undefined,
): ReadonlyMap<string, Group> {
  const groups = new Map<string, { ports: readonly SlicePort[]; endpoints: Map<string, Endpoint> }>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    if (!isEndpoint(service, pod, node)) continue;
    const ports = portsOf(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: new Map() };
    group.endpoints.set(pod.metadata.uid, endpointOf(service, pod, node));
    groups.set(key, group);
  }
  return groups;
}

const uidOf = (endpoint: JsonRecord): string => textOf(at(endpoint, "targetRef", "uid"));

/** Ports of a stored slice in the form of SlicePort, for comparing. */
function storedPorts(slice: KubernetesObject): string {
  const ports = recordsOf(slice["ports"]).map(({ name, protocol, port, appProtocol }) => ({
    name,
    protocol,
    port,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }));
  return JSON.stringify(ports);
}

/** Fills a group's present slices with what stays where it is, then the rest into free places and new slices. */
function planGroup(group: Group, present: readonly KubernetesObject[]): SlicePlan {
  const waiting = new Map(group.endpoints);
  const planned = present.map((slice) => {
    const kept = recordsOf(slice["endpoints"]).flatMap((endpoint) => {
      const wanted = waiting.get(uidOf(endpoint));
      waiting.delete(uidOf(endpoint));
      return wanted === undefined ? [] : [wanted];
    });
    return { slice: slice as KubernetesObject | undefined, ports: group.ports, endpoints: kept };
  });
  const rest = [...waiting.values()];
  for (const { endpoints } of planned) endpoints.push(...rest.splice(0, Math.max(0, sliceSize - endpoints.length)));
  while (rest.length > 0) {
    planned.push({ slice: undefined, ports: group.ports, endpoints: rest.splice(0, sliceSize) });
  }
  const changed = planned.filter(
    ({ slice, endpoints }) => endpoints.length > 0 && !sameJson(recordsOf(slice?.["endpoints"]), endpoints),
  );
  return {
    write: changed,
    remove: planned.flatMap(({ slice, endpoints }) => (slice !== undefined && endpoints.length === 0 ? [slice] : [])),
  };
}

/** New slices take the place of those that would be removed: an update says it in one event. */
function reuse({ write, remove }: SlicePlan): SlicePlan {
  const free = [...remove];
  const reused = write.map((planned) => (planned.slice === undefined ? { ...planned, slice: free.shift() } : planned));
  return { write: reused, remove: free };
}

/**
 * What to write and what to remove so that the slices of a Service say where it is. A Service without endpoints keeps
 * one empty slice.
 *
 * @param pods those that the Service selects
 * @param slices those that the controller made for the Service
 */
export function planSlices(
  service: KubernetesObject,
  pods: readonly KubernetesObject[],
  present: {
    readonly slices: readonly KubernetesObject[];
    readonly nodeOf: (pod: KubernetesObject) => KubernetesObject | undefined;
  },
): SlicePlan {
  const groups = groupEndpoints(service, pods, present.nodeOf);
  const plans = [...groups].map(([key, group]) =>
    planGroup(
      group,
      present.slices.filter((slice) => storedPorts(slice) === key),
    ),
  );
  const leftOver = present.slices.filter((slice) => !groups.has(storedPorts(slice)));
  const write = plans.flatMap((plan) => plan.write);
  const remove = [...leftOver, ...plans.flatMap((plan) => plan.remove)];
  if (groups.size > 0) return reuse({ write, remove });
  const [placeholder, ...others] = remove;
  if (placeholder === undefined) return { write: [{ slice: undefined, ports: [], endpoints: [] }], remove: [] };
  const empty = recordsOf(placeholder["endpoints"]).length === 0 && recordsOf(placeholder["ports"]).length === 0;
  return { write: empty ? [] : [{ slice: placeholder, ports: [], endpoints: [] }], remove: others };
}
