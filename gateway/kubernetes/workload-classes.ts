import { canonicalJson, contentHash } from "../../shared/core/canonical.ts";
import { kinds, ownGroup } from "../../shared/core/events/kinds.ts";
import type { MeshObject } from "../../shared/core/object.ts";

type Names = Readonly<Record<string, string>>;

/** What a class is made from: a part of Kubernetes' Pod. */
export interface ClassifiedPod {
  readonly metadata?: {
    readonly namespace?: string | undefined;
    readonly labels?: Names | undefined;
    readonly annotations?: Names | undefined;
  };
  readonly spec?: {
    readonly serviceAccountName?: string | undefined;
    readonly hostNetwork?: boolean | undefined;
    readonly containers?: readonly ClassifiedContainer[] | undefined;
  };
  readonly status?: {
    readonly phase?: string | undefined;
    readonly podIPs?: readonly { readonly ip?: string | undefined }[] | undefined;
  };
}

interface ClassifiedContainer {
  readonly ports?:
    | readonly {
        readonly name?: string | undefined;
        readonly containerPort: number;
        readonly protocol?: string | undefined;
      }[]
    | undefined;
}

/** A part of Kubernetes' Service. */
export interface SelectingService {
  readonly metadata?: { readonly namespace?: string | undefined; readonly name?: string | undefined };
  readonly spec?: {
    readonly type?: string | undefined;
    readonly selector?: Names | undefined;
    readonly ports?:
      | readonly {
          readonly name?: string | undefined;
          readonly port: number;
          readonly targetPort?: number | string | undefined;
          readonly protocol?: string | undefined;
        }[]
      | undefined;
  };
}

/** Written at injection: the minor version of the Envoy that was injected. */
const envoyVersionAnnotation = `${ownGroup}/envoy-version`;

/** The version that injection has always used where it says nothing. */
const envoyVersionByDefault = "1.40";

/** Prometheus's own: the pod wants to be read by it. */
const scrapeAnnotation = "prometheus.io/scrape";

/** A pod carries a sidecar, OSM's or ours (open-service-mesh.md §1.4). */
const sidecarMarks = ["osm-proxy-uuid", `${ownGroup}/proxy-uuid`];

/**
 * The WorkloadClass object of a pod: all pods with equal specs get the same config (design.md §1), and the object's name is a hash of the namespace and the spec. `services`
 * may be any of the cluster's. Undefined for a pod that gets no config: without a sidecar, on the host's network, without an address yet, or finished.
 */
export function workloadClassOf(pod: ClassifiedPod, services: Iterable<SelectingService>): MeshObject | undefined {
  const labels = pod.metadata?.labels ?? {};
  const ipFamilies = ipFamiliesOf(pod);
  const finished = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  if (
    !sidecarMarks.some((mark) => mark in labels) ||
    pod.spec?.hostNetwork === true ||
    ipFamilies.length === 0 ||
    finished
  )
    return undefined;
  const namespace = pod.metadata?.namespace ?? "default";
  const annotations = pod.metadata?.annotations ?? {};
  const spec = {
    serviceAccount: pod.spec?.serviceAccountName ?? "default",
    backs: backsOf(pod, services),
    ipFamilies,
    envoyVersion: annotations[envoyVersionAnnotation] ?? envoyVersionByDefault,
    settings: settingsOf(annotations),
  };
  const name = contentHash(canonicalJson({ namespace, ...spec }));
  return { key: { ...kinds.workloadClass, namespace, name }, uid: name, body: { spec } };
}

interface Back {
  readonly service: string;
  readonly port: number;
  readonly targetPort: number;
}

/** Which TCP ports of which Services lead to this pod, and where on it they end. */
function backsOf(
  pod: ClassifiedPod,
  services: Iterable<SelectingService>,
): readonly Readonly<Record<keyof Back, string | number>>[] {
  const backs: Back[] = [];
  for (const service of services) {
    if (!selects(service, pod)) continue;
    for (const { port, targetPort = port, protocol = "TCP" } of service.spec?.ports ?? []) {
      const resolved = protocol === "TCP" ? resolvePort(targetPort, pod) : undefined;
      if (resolved !== undefined)
        backs.push({ service: service.metadata?.name ?? "", port, targetPort: resolved || port });
    }
  }
  return backs
    .sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : a.port - b.port))
    .map((back) => ({ ...back }));
}

export function selects({ metadata, spec }: SelectingService, pod: ClassifiedPod): boolean {
  if (metadata?.namespace !== pod.metadata?.namespace || spec?.type === "ExternalName") return false;
  const wanted = Object.entries(spec?.selector ?? {});
  return wanted.length > 0 && wanted.every(([name, value]) => pod.metadata?.labels?.[name] === value);
}

/** A name means the pod's own container port of that name, which may differ from pod to pod of one Service. */
function resolvePort(targetPort: number | string, { spec }: ClassifiedPod): number | undefined {
  if (typeof targetPort === "number") return targetPort;
  const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.find(({ name, protocol = "TCP" }) => name === targetPort && protocol === "TCP")?.containerPort;
}

function ipFamiliesOf({ status }: ClassifiedPod): readonly string[] {
  const families = (status?.podIPs ?? []).flatMap(({ ip }) =>
    ip === undefined ? [] : [ip.includes(":") ? "IPv6" : "IPv4"],
  );
  return [...new Set(families)].toSorted();
}

/** The settings of a pod that change its config. Interception's exclusions do not: they are kept by the pod's own rules. */
function settingsOf(annotations: Names): Readonly<Record<string, boolean>> {
  return annotations[scrapeAnnotation] === "true" ? { metrics: true } : {};
}

/** Those that a class is made from; others may be many, and long. */
export function classAnnotationsOf(annotations: Names | undefined): Names {
  const kept = [envoyVersionAnnotation, scrapeAnnotation].flatMap((name) => {
    const value = annotations?.[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(kept);
}
