import type { JsonValue } from "@bufbuild/protobuf";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";

export interface ResourceName {
  readonly type: EnvoyType;
  readonly name: string;
}

type Members = Readonly<Record<string, JsonValue>>;

/** What a decoded resource names, as Envoy would see it: routes and clusters, and what is fetched by name (endpoints, secrets, filter configs). Without repeats. */
export function namesIn(resource: JsonValue): readonly ResourceName[] {
  const found = new Map<string, ResourceName>();
  collect(resource, (type, name) => found.set(`${type} ${name}`, { type, name }));
  return [...found.values()];
}

type Add = (type: EnvoyType, name: string) => void;

function collect(json: JsonValue, add: Add): void {
  if (typeof json !== "object" || json === null) return;
  if (Array.isArray(json)) {
    for (const item of json) collect(item, add);
    return;
  }
  collectOwn(json, add);
  for (const value of Object.values(json)) collect(value, add);
}

/** What an object itself names; its members are looked at by themselves. */
function collectOwn(members: Members, add: Add): void {
  for (const { serviceName } of objectsOf(members["edsClusterConfig"]))
    add("endpoint", textOf(serviceName) || textOf(members["name"]));
  for (const name of ["tlsCertificateSdsSecretConfigs", "validationContextSdsSecretConfig"])
    for (const secret of objectsOf(members[name])) add("secret", textOf(secret["name"]));
  if (textOf(members["routeConfigName"]) !== "") add("route", textOf(members["routeConfigName"]));
  if (members["configDiscovery"] !== undefined) add("extension", textOf(members["name"]));
  if (textOf(members["cluster"]) !== "") add("cluster", textOf(members["cluster"]));
  for (const { clusters } of objectsOf(members["weightedClusters"]))
    for (const cluster of objectsOf(clusters)) add("cluster", textOf(cluster["name"]));
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

/** One object, or a list of them. */
function objectsOf(value: JsonValue | undefined): readonly Members[] {
  return (Array.isArray(value) ? value : [value]).filter(
    (item): item is Members => typeof item === "object" && item !== null && !Array.isArray(item),
  );
}
