/** Which groups, versions and kinds there are: /api, /apis and below, plain and aggregated. */
import { noSuchPath } from "../api-error.ts";
import { apiVersionOf, type Kind } from "../kinds/kind.ts";
import { serviceAccountKind } from "../kinds/plain-kinds.ts";
import type { Registry } from "../kinds/registry.ts";

const statusVerbs = ["get", "patch", "update"];

function resourcesOf(kind: Kind): readonly object[] {
  const { namespaced, kind: name, plural, singular, verbs, shortNames, categories } = kind;
  const resource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: name,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
  const below = subresourcesOf(kind).map(({ subresource, responseKind, verbs: subVerbs }) => ({
    name: `${plural}/${subresource}`,
    singularName: "",
    namespaced,
    ...(responseKind.group === kind.group ? {} : { group: responseKind.group, version: responseKind.version }),
    kind: responseKind.kind,
    verbs: subVerbs,
  }));
  return [resource, ...below];
}

interface Subresource {
  readonly subresource: string;
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
}

function subresourcesOf(kind: Kind): readonly Subresource[] {
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  const token = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };
  return [
    ...(kind.hasStatus ? [{ subresource: "status", responseKind: own, verbs: statusVerbs }] : []),
    ...(kind.kind === "Namespace" ? [{ subresource: "finalize", responseKind: own, verbs: ["update"] }] : []),
    ...(kind === serviceAccountKind ? [{ subresource: "token", responseKind: token, verbs: ["create"] }] : []),
  ];
}

const ofVersion = (registry: Registry, group: string, version: string): readonly Kind[] =>
  registry.kinds().filter((kind) => kind.group === group && kind.version === version);

function groupOf(registry: Registry, name: string): object {
  const versions = (registry.groups().find((group) => group.name === name)?.versions ?? []).map((version) => ({
    groupVersion: `${name}/${version}`,
    version,
  }));
  return { name, versions, preferredVersion: versions[0] };
}

function resourceList(registry: Registry, group: string, version: string): object {
  const kinds = ofVersion(registry, group, version);
  if (kinds.length === 0) throw noSuchPath();
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group, version }),
    resources: kinds.flatMap(resourcesOf),
  };
}

/** The plain document at a path such as "/apis/discovery.k8s.io/v1"; undefined for a path that is no discovery. */
export function discovery(registry: Registry, pathname: string, address: string): object | undefined {
  const [root, group, version, ...rest] = pathname.split("/").filter((part) => part !== "");
  if (rest.length > 0) return undefined;
  if (root === "api") {
    if (version !== undefined) return undefined;
    if (group !== undefined) return resourceList(registry, "", group);
    const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress: address }];
    return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs };
  }
  if (root !== "apis") return undefined;
  if (group === undefined) {
    const groups = registry.groups().map(({ name }) => groupOf(registry, name));
    return { kind: "APIGroupList", apiVersion: "v1", groups };
  }
  if (version !== undefined) return resourceList(registry, group, version);
  if (!registry.groups().some(({ name }) => name === group)) throw noSuchPath();
  return { kind: "APIGroup", apiVersion: "v1", ...groupOf(registry, group) };
}

function aggregatedResource(kind: Kind): object {
  const { group, version, kind: name, plural, singular, namespaced, verbs, shortNames, categories } = kind;
  const subresources = subresourcesOf(kind);
  return {
    resource: plural,
    responseKind: { group, version, kind: name },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

/** All groups with their kinds in one document (apidiscovery.k8s.io/v2), for /api or /apis. */
export function aggregatedDiscovery(registry: Registry, root: "api" | "apis"): object {
  const groups = root === "api" ? [{ name: "", versions: ["v1"] }] : registry.groups();
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: { ...(name === "" ? {} : { name }), creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        freshness: "Current",
        resources: ofVersion(registry, name, version).map(aggregatedResource),
      })),
    })),
  };
}
