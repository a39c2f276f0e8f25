import type { Brand } from "../brand.ts";
import type { ObjectKey } from "../object.ts";

/**
 * The intermediate model: what the mesh is, in neither Kubernetes' words nor Envoy's. Everything is resolved, validated and
 * sorted by its key; what could not be resolved is a Problem and, in a security rule, closes.
 */
export interface Mesh {
  readonly settings: MeshSettings;
  /** Sorted by namespace, then name. Only Services of namespaces in the mesh. */
  readonly services: readonly Service[];
  /** Services of namespaces that are not in the mesh: reached in plaintext, as far as egress is on. Sorted by key. */
  readonly outside: readonly OutsideService[];
  /** Sorted by namespace, account, key. */
  readonly workloads: readonly WorkloadClass[];
  /** Sorted by object. Empty in permissive mode too where none were written; `settings.mode` decides whether they count. */
  readonly grants: readonly Grant[];
}

export interface MeshSettings {
  /** SPIFFE trust domain, `cluster.local` by default. */
  readonly trustDomain: string;
  /** DNS suffix of the cluster, `cluster.local` by default. */
  readonly clusterDomain: string;
  /** `permissive`: any authenticated peer may reach everything. `enforced`: only what a grant gives. */
  readonly mode: "permissive" | "enforced";
  /** May traffic to addresses outside the cluster pass (MeshConfig spec.traffic.enableEgress)? */
  readonly egress: boolean;
  readonly tls: TlsSettings;
  /** CIDRs that Services get their addresses from; unclaimed addresses in them answer 403 (envoy.md §16 A). */
  readonly serviceCidrs: readonly string[];
  /** CIDRs of pods; unclaimed addresses in them are refused, so that mesh traffic never falls back to plaintext. */
  readonly podCidrs: readonly string[];
  readonly causes: SettingCauses;
}

/** The objects that the settings are from; none where a default stands. A problem of a resource that depends on a setting shows on them too. */
export interface SettingCauses {
  readonly mode: readonly ObjectKey[];
  readonly egress: readonly ObjectKey[];
  readonly tls: readonly ObjectKey[];
  readonly cidrs: readonly ObjectKey[];
}

export type TlsVersion = "TLS_AUTO" | "TLSv1_0" | "TLSv1_1" | "TLSv1_2" | "TLSv1_3";

export interface TlsSettings {
  readonly minimum: TlsVersion;
  readonly maximum: TlsVersion;
  readonly cipherSuites: readonly string[];
  readonly ecdhCurves: readonly string[];
}

/** A name in a namespace. */
export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name` */
export type ServiceKey = Brand<string, "ServiceKey">;
/** `namespace/name` of a ServiceAccount */
export type AccountKey = Brand<string, "AccountKey">;

export type Protocol = "http" | "grpc" | "tcp" | "tcp-server-first";

/** Are requests told apart on a port of this protocol (true), or only connections (false)? */
export function carriesRequests(protocol: Protocol): boolean {
  return protocol === "http" || protocol === "grpc";
}

/** A Kubernetes Service: a name that clients dial, and the workloads behind it. */
export interface Service {
  readonly key: ServiceKey;
  readonly namespace: string;
  readonly name: string;
  /** Cluster addresses, sorted. Empty when headless. */
  readonly addresses: readonly string[];
  readonly headless: boolean;
  /** Sorted by port. TCP ports only. */
  readonly ports: readonly ServicePort[];
  readonly source: ObjectKey;
}

export interface ServicePort {
  readonly port: number;
  readonly protocol: Protocol;
  /** The accounts of the workloads behind this port, sorted, without repeats. */
  readonly accounts: readonly AccountKey[];
  /**
   * How requests are distributed, in order of precedence: the first rule with a match that fits takes the request. Always ends in a
   * rule without matches (= everything else). Without any traffic policy: one rule, one backend, this very port.
   */
  readonly rules: readonly RouteRule[];
}

/** A Service that the mesh does not speak for. It has cluster addresses and TCP ports. */
export interface OutsideService {
  readonly key: ServiceKey;
  /** Sorted. */
  readonly addresses: readonly string[];
  /** Sorted. */
  readonly ports: readonly number[];
  readonly source: ObjectKey;
}

export interface RouteRule {
  /** Any of these; empty: every request. TCP ports have only rules without matches. */
  readonly matches: readonly HttpMatch[];
  /** Sorted by service. Weights are whole numbers ≥ 0; when all are 0 nobody is eligible (HTTP 503, TCP closed). */
  readonly backends: readonly Backend[];
  /** The objects that made this rule, besides the Service. */
  readonly causes: readonly ObjectKey[];
}

export interface Backend {
  readonly service: ServiceKey;
  /** A port number of that Service; it exists. */
  readonly port: number;
  readonly weight: number;
}

/** All of its members must fit. */
export interface HttpMatch {
  /** RE2, matched against the whole path without query. `.*` = any. */
  readonly path: string;
  /** Upper-case names, sorted; empty = any. */
  readonly methods: readonly string[];
  /** Sorted by name; lower-case names (`host` is `:authority`); RE2 on the whole value. An absent header does not fit. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** What one policy object allows; grants only ever add (design.md §2, property 4). */
export interface Grant {
  readonly source: ObjectKey;
  /** The workloads that may be reached: those running as this account. */
  readonly to: AccountKey;
  /** Sorted. Not empty. */
  readonly from: readonly AccountKey[];
  /** Requests on HTTP ports; absent: none. */
  readonly http?: HttpGrant;
  /** Connections on TCP ports; absent: none. */
  readonly tcp?: TcpGrant;
  /** The objects the grant was read from (TrafficTarget, HTTPRouteGroups, TCPRoutes), sorted. */
  readonly causes: readonly ObjectKey[];
}

export interface HttpGrant {
  /** Target ports, sorted; `any` = every port. */
  readonly ports: "any" | readonly number[];
  /** Any of these; `any` = every request. Not empty. */
  readonly requests: "any" | readonly HttpMatch[];
}

export interface TcpGrant {
  /** Target ports, sorted; `any` = every port. */
  readonly ports: "any" | readonly number[];
}

/** A class of pods that get the same config (design.md §1). */
export interface WorkloadClass {
  readonly key: ClassKey;
  readonly namespace: string;
  readonly account: AccountKey;
  /** Ports that the pods of this class serve: which Service port leads to which target port. Sorted by targetPort, service, port. */
  readonly inbound: readonly InboundPort[];
  readonly ipFamilies: readonly ("IPv4" | "IPv6")[];
  /** Envoy's minor version, for example `1.40`. */
  readonly envoyVersion: string;
  readonly source: ObjectKey;
}

/** Name of the WorkloadClass object: a hash of what makes the class. */
export type ClassKey = Brand<string, "ClassKey">;

export interface InboundPort {
  readonly targetPort: number;
  /** Of the oldest Service where several differ (a problem on the others). */
  readonly protocol: Protocol;
  readonly services: readonly { readonly service: ServiceKey; readonly port: number; readonly source: ObjectKey }[];
}

export function serviceKey(namespace: string, name: string): ServiceKey {
  return `${namespace}/${name}` as ServiceKey;
}

export function accountKey(namespace: string, name: string): AccountKey {
  return `${namespace}/${name}` as AccountKey;
}

export function parseNamespacedName(key: ServiceKey | AccountKey): NamespacedName {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
