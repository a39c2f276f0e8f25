import { canonicalJson, isJsonObject, type Json, type JsonObject } from "../canonical.ts";
import type { MeshObject, ObjectKey } from "../object.ts";
import { type KnownKind, kinds, kindText } from "./kinds.ts";

/** A kind that the gateway lists and watches, and the command line reads from files. */
export interface WatchedKind {
  readonly group: string;
  /** Asked for first. */
  readonly version: string;
  /** Asked for, newest first, where the cluster does not serve `version`. */
  readonly olderVersions: readonly string[];
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export const watchedKinds: readonly WatchedKind[] = [
  { ...kinds.namespace, version: "v1", olderVersions: [], plural: "namespaces", namespaced: false },
  { ...kinds.service, version: "v1", olderVersions: [], plural: "services", namespaced: true },
  { ...kinds.serviceAccount, version: "v1", olderVersions: [], plural: "serviceaccounts", namespaced: true },
  { ...kinds.meshConfig, version: "v1alpha2", olderVersions: ["v1alpha1"], plural: "meshconfigs", namespaced: true },
  { ...kinds.trafficTarget, version: "v1alpha3", olderVersions: [], plural: "traffictargets", namespaced: true },
  { ...kinds.httpRouteGroup, version: "v1alpha4", olderVersions: [], plural: "httproutegroups", namespaced: true },
  { ...kinds.tcpRoute, version: "v1alpha4", olderVersions: [], plural: "tcproutes", namespaced: true },
  {
    ...kinds.trafficSplit,
    version: "v1alpha4",
    olderVersions: ["v1alpha2"],
    plural: "trafficsplits",
    namespaced: true,
  },
];

/** Labels of a Namespace that decide whether it is in the mesh (open-service-mesh.md §1.4). */
export const monitoredByLabel = "openservicemesh.io/monitored-by";
export const ignoreLabel = "openservicemesh.io/ignore";

export type Normalised = MeshObject | { readonly refused: string; readonly key?: ObjectKey };

/** What the mesh reads of each kind; everything else is dropped. */
const declarations: Readonly<Record<KnownKind, (object: JsonObject) => JsonObject>> = {
  namespace: (object) => ({ labels: pick(memberOf(metadataOf(object), "labels"), [monitoredByLabel, ignoreLabel]) }),
  service: (object) => ({ spec: serviceSpec(memberOf(object, "spec")), ...creationOf(object) }),
  serviceAccount: () => ({}),
  meshConfig: specAndCreation,
  trafficTarget: specAndCreation,
  httpRouteGroup: (object) => ({ ...specAndCreation(object), spec: routeGroupSpec(object["spec"]) }),
  tcpRoute: specAndCreation,
  trafficSplit: specAndCreation,
  workloadClass: (object) => ({ spec: object["spec"] }),
  clusterNetwork: (object) => ({ spec: object["spec"] }),
};

const declarationOf = new Map(
  Object.entries(kinds).map(([name, kind]) => [kindText(kind), declarations[name as KnownKind]]),
);

const versionsOf = new Map(watchedKinds.map((kind) => [kindText(kind), [kind.version, ...kind.olderVersions]]));

/** No object of these kinds is deeper; the bound keeps recursion over foreign data safe. */
const deepest = 32;

/**
 * A Kubernetes object (JSON as the API server sends it, with apiVersion and kind) as the mesh sees it. Two objects that mean the same to the mesh
 * give equal bodies. Bodies are not checked here: an odd one is kept as it is, and becomes a problem when the mesh is built.
 * `refused` says why the object is not one at all, or not of a kind or version the mesh knows.
 */
export function normalise(object: unknown): Normalised {
  if (!isJsonObject(object)) return { refused: "not an object" };
  const key = keyOf(object);
  if (key === undefined) return { refused: "apiVersion, kind or metadata.name is missing or not a name" };
  const declaration = declarationOf.get(kindText(key));
  if (declaration === undefined) return { refused: `the mesh does not read the kind ${kindText(key)}`, key };
  const versions = versionsOf.get(kindText(key));
  const version = versionOf(object);
  if (versions !== undefined && !versions.includes(version)) {
    return { refused: `the mesh reads ${key.kind} in version ${versions.join(" or ")}, not ${version}`, key };
  }
  const creation = metadataOf(object)["creationTimestamp"];
  if (creation !== undefined && creation !== null && typeof creation !== "string") {
    return { refused: "metadata.creationTimestamp is not text", key };
  }
  if (!isJson(object["spec"], deepest)) return { refused: `spec is not JSON or deeper than ${deepest} levels`, key };
  const uid = metadataOf(object)["uid"];
  return { key, uid: typeof uid === "string" ? uid : "", body: declaration(object) };
}

function keyOf(object: JsonObject): ObjectKey | undefined {
  const { apiVersion, kind } = object as { readonly apiVersion?: Json; readonly kind?: Json };
  const metadata = metadataOf(object);
  const name = metadata["name"];
  const namespace = metadata["namespace"] ?? "";
  if (!isNamePart(apiVersion, true) || !isNamePart(kind) || !isNamePart(name)) return undefined;
  if (namespace !== "" && !isNamePart(namespace)) return undefined;
  const slash = apiVersion.indexOf("/");
  return { group: slash < 0 ? "" : apiVersion.slice(0, slash), kind, namespace, name };
}

function versionOf(object: JsonObject): string {
  const { apiVersion } = object as { readonly apiVersion?: Json };
  return typeof apiVersion !== "string" ? "" : apiVersion.slice(apiVersion.indexOf("/") + 1);
}

/** Key texts are joined by slashes, so no part may hold one. */
function isNamePart(value: Json | undefined, mayHoldSlash = false): value is string {
  return typeof value === "string" && value !== "" && value.length <= 512 && (mayHoldSlash || !value.includes("/"));
}

function isJson(value: Json | undefined, levels: number): boolean {
  if (value === null || value === undefined || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (levels === 0 || typeof value !== "object") return false;
  return Object.values(value).every((member) => isJson(member, levels - 1));
}

function metadataOf(object: JsonObject): JsonObject {
  return memberOf(object, "metadata");
}

function memberOf(object: JsonObject, name: string): JsonObject {
  const member = object[name];
  return isJsonObject(member) ? member : {};
}

function pick(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.flatMap((name) => (object[name] === undefined ? [] : [[name, object[name]]])));
}

function creationOf(object: JsonObject): JsonObject {
  const { creationTimestamp } = metadataOf(object) as { readonly creationTimestamp?: Json };
  return typeof creationTimestamp === "string" ? { creationTimestamp } : {};
}

function specAndCreation(object: JsonObject): JsonObject {
  return { spec: object["spec"], ...creationOf(object) };
}

/** With Kubernetes' defaults filled in and the lists sorted. */
function serviceSpec(spec: JsonObject): JsonObject {
  const { type, clusterIP, clusterIPs, ports, selector } = spec as Readonly<Record<string, Json | undefined>>;
  const addresses = Array.isArray(clusterIPs) && clusterIPs.length > 0 ? (clusterIPs as readonly Json[]) : [clusterIP];
  return {
    type: type ?? "ClusterIP",
    clusterIPs: addresses
      .filter((address) => typeof address === "string" && address !== "")
      .toSorted(compareJsonText) as readonly Json[],
    ports: Array.isArray(ports) ? (ports as readonly Json[]).map(servicePort).toSorted(compareServicePorts) : [],
    selector: isJsonObject(selector) && Object.keys(selector).length > 0,
  };
}

function servicePort(port: Json): Json {
  if (!isJsonObject(port)) return port;
  return {
    ...pick(port, ["name", "port", "appProtocol"]),
    targetPort: port["targetPort"] ?? port["port"],
    protocol: port["protocol"] ?? "TCP",
  };
}

function compareServicePorts(a: Json, b: Json): number {
  if (!isJsonObject(a) || !isJsonObject(b)) return Number(isJsonObject(a)) - Number(isJsonObject(b));
  return Number(a["port"]) - Number(b["port"]) || compareJsonText(a["protocol"], b["protocol"]);
}

function compareJsonText(a: Json | undefined, b: Json | undefined): number {
  const [left, right] = [canonicalJson(a ?? null), canonicalJson(b ?? null)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Headers come as a list of maps with one entry (sdk-go, OSM) or as one map (later prose, controller-sdk): smi-and-gateway-api.md §1.3. */
function routeGroupSpec(spec: Json | undefined): Json | undefined {
  if (!isJsonObject(spec) || !Array.isArray(spec["matches"])) return spec;
  const matches = (spec["matches"] as readonly Json[]).map((match) =>
    isJsonObject(match) && match["headers"] !== undefined ? { ...match, headers: headerList(match["headers"]) } : match,
  );
  return { ...spec, matches };
}

/** A list of { name, value }, sorted; what is neither form stays as it is, for the schema to refuse. */
function headerList(headers: Json): Json {
  const maps = Array.isArray(headers) ? (headers as readonly Json[]) : [headers];
  if (!maps.every(isJsonObject)) return headers;
  if (Array.isArray(headers) && maps.some((map) => Object.keys(map).length !== 1)) return headers;
  const list = maps.flatMap((map) => Object.entries(map).map(([name, value]) => ({ name, value: value ?? null })));
  return list.toSorted((a, b) => compareJsonText(a.name, b.name) || compareJsonText(a.value, b.value));
}
