/** Decides whether a pod gets a sidecar and which traffic its interception leaves alone (spec/open-service-mesh.md §1.4, §1.5). Pure. */

import type { InterceptionExclusions } from "./interception.ts";
import {
  CONTROL_PLANE_LABEL,
  IGNORE_LABEL,
  INBOUND_PORT_EXCLUSION_ANNOTATION,
  MONITORED_BY_LABEL,
  OUTBOUND_PORT_EXCLUSION_ANNOTATION,
  OUTBOUND_RANGE_EXCLUSION_ANNOTATION,
  OUTBOUND_RANGE_INCLUSION_ANNOTATION,
  SIDECAR_INJECTION_ANNOTATION,
} from "./marks.ts";

/** What injection reads of a namespace or pod; any Kubernetes object of the kind fits. */
export interface MarkedObject {
  readonly metadata?:
    | {
        readonly name?: string;
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      }
    | undefined;
}

export interface InjectablePod extends MarkedObject {
  readonly spec?: { readonly hostNetwork?: boolean } | undefined;
}

/** Which mesh injects. */
export interface InjectionScope {
  /** Name that `openservicemesh.io/monitored-by` must have; absent: any name counts. */
  readonly meshName?: string;
  /** The control plane's own namespace, never injected. */
  readonly controlPlaneNamespace?: string;
}

/** `refuse` is the user's mistake: the webhook denies the pod with this message. */
export type InjectionDecision =
  | { readonly kind: "inject" }
  | { readonly kind: "skip"; readonly reason: string }
  | { readonly kind: "refuse"; readonly message: string };

const SYSTEM_NAMESPACES: ReadonlySet<string> = new Set(["kube-system", "kube-public"]);

/**
 * Whether `pod` gets a sidecar. Order as OSM's: what can never be injected, then membership of the namespace, then the
 * pod's own annotation, then the namespace's. Without any annotation nothing is injected.
 */
export function shouldInject(
  namespace: MarkedObject,
  pod: InjectablePod,
  scope: InjectionScope = {},
): InjectionDecision {
  const name = namespace.metadata?.name ?? "";
  if (pod.spec?.hostNetwork === true) return skip("the pod uses the host's network");
  if (SYSTEM_NAMESPACES.has(name)) return skip(`${name} is a system namespace`);
  if (name !== "" && name === scope.controlPlaneNamespace) return skip(`${name} holds the control plane`);
  const outside = outsideMesh(namespace, scope);
  if (outside !== undefined) return skip(outside);

  const own = readSwitch(pod, "pod");
  if (own.kind === "bad") return { kind: "refuse", message: own.message };
  const inherited = readSwitch(namespace, `namespace ${name}`);
  if (inherited.kind === "bad") return { kind: "refuse", message: inherited.message };
  const answer = own.kind === "absent" ? inherited : own;
  if (answer.kind === "on") return { kind: "inject" };
  return skip(
    answer.kind === "off"
      ? `${SIDECAR_INJECTION_ANNOTATION} is disabled`
      : `neither pod nor namespace has the annotation ${SIDECAR_INJECTION_ANNOTATION}`,
  );
}

/**
 * The exclusions that a pod's annotations ask for. A value that is no port (1–65535) or no IPv4 CIDR is the user's
 * mistake and comes back as a message that names annotation and value.
 */
export function readExclusions(
  pod: MarkedObject,
):
  | { readonly ok: true; readonly exclusions: InterceptionExclusions }
  | { readonly ok: false; readonly message: string } {
  const faults: string[] = [];
  const list = <T>(annotation: string, parse: (item: string) => T | undefined, wanted: string): T[] => {
    const text = pod.metadata?.annotations?.[annotation];
    if (text === undefined || text.trim() === "") return [];
    return text.split(",").flatMap((part) => {
      const parsed = parse(part.trim());
      if (parsed !== undefined) return [parsed];
      faults.push(`${annotation}: "${part.trim()}" is not ${wanted}`);
      return [];
    });
  };
  const port = "a port (1-65535)";
  const cidr = "an IPv4 range such as 10.0.0.0/8";
  const exclusions: InterceptionExclusions = {
    outboundPorts: list(OUTBOUND_PORT_EXCLUSION_ANNOTATION, parsePort, port),
    inboundPorts: list(INBOUND_PORT_EXCLUSION_ANNOTATION, parsePort, port),
    outboundRanges: list(OUTBOUND_RANGE_EXCLUSION_ANNOTATION, parseRange, cidr),
    includedOutboundRanges: list(OUTBOUND_RANGE_INCLUSION_ANNOTATION, parseRange, cidr),
  };
  return faults.length === 0 ? { ok: true, exclusions } : { ok: false, message: faults.join("; ") };
}

function outsideMesh(namespace: MarkedObject, scope: InjectionScope): string | undefined {
  const labels = namespace.metadata?.labels ?? {};
  const mesh = labels[MONITORED_BY_LABEL];
  if (mesh === undefined) return `the namespace has no label ${MONITORED_BY_LABEL}`;
  if (scope.meshName !== undefined && mesh !== scope.meshName) return `the namespace belongs to the mesh ${mesh}`;
  if (labels[IGNORE_LABEL] !== undefined) return `the namespace has the label ${IGNORE_LABEL}`;
  if (labels[CONTROL_PLANE_LABEL] !== undefined) return `the namespace has the label ${CONTROL_PLANE_LABEL}`;
  return undefined;
}

type Switch =
  | { readonly kind: "on" }
  | { readonly kind: "off" }
  | { readonly kind: "absent" }
  | { readonly kind: "bad"; readonly message: string };

const ON: ReadonlySet<string> = new Set(["enabled", "yes", "true"]);
const OFF: ReadonlySet<string> = new Set(["disabled", "no", "false"]);

function readSwitch(object: MarkedObject, on: string): Switch {
  const value = object.metadata?.annotations?.[SIDECAR_INJECTION_ANNOTATION];
  if (value === undefined) return { kind: "absent" };
  const word = value.toLowerCase();
  if (ON.has(word)) return { kind: "on" };
  if (OFF.has(word)) return { kind: "off" };
  return {
    kind: "bad",
    message: `${SIDECAR_INJECTION_ANNOTATION} on the ${on} is "${value}"; use enabled or disabled`,
  };
}

function skip(reason: string): InjectionDecision {
  return { kind: "skip", reason };
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

function parseRange(text: string): string | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [a, b, c, d, length] = match.slice(1).map(Number);
  const inByte = [a, b, c, d].every((octet) => octet !== undefined && octet <= 255);
  return inByte && length !== undefined && length <= 32 ? text : undefined;
}
