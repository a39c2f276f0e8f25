import type { Fault } from "../api-error.ts";
import {
  at,
  ensureRecord,
  type JsonRecord,
  listOf,
  recordOf,
  recordsOf,
  scalarText,
  setDefault,
  textOf,
} from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import { ageColumn, joined, nameColumn, textColumn, wideColumn } from "../tables/columns.ts";
import { defineKind } from "./define-kind.ts";
import type { Surroundings } from "./kind.ts";

const nodePorts = { first: 30_000, last: 32_767 };
const withNodePorts = ["NodePort", "LoadBalancer"];

function prepare(draft: KubernetesObject, old: KubernetesObject | undefined, world: Surroundings): void {
  const spec = ensureRecord(draft, "spec");
  setDefault(spec, "type", "ClusterIP");
  setDefault(spec, "sessionAffinity", "None");
  setDefault(draft, "status", { loadBalancer: {} });
  preparePorts(spec);
  if (spec["type"] === "ExternalName") {
    for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) delete spec[field];
    return;
  }
  setDefault(spec, "internalTrafficPolicy", "Cluster");
  if (withNodePorts.includes(textOf(spec["type"]))) {
    setDefault(spec, "externalTrafficPolicy", "Cluster");
    giveNodePorts(spec, old, world);
  }
  giveAddress(spec, old, world);
}

function preparePorts(spec: JsonRecord): void {
  for (const port of recordsOf(spec["ports"])) {
    setDefault(port, "protocol", "TCP");
    setDefault(port, "targetPort", port["port"]);
  }
}

/** Addresses stay from update to update; an update that leaves them out does not lose them. */
function giveAddress(spec: JsonRecord, old: KubernetesObject | undefined, world: Surroundings): void {
  const oldSpec = recordOf(old?.["spec"]);
  for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
    if (oldSpec[field] !== undefined) setDefault(spec, field, oldSpec[field]);
  }
  if (spec["clusterIP"] === "") delete spec["clusterIP"];
  if (spec["clusterIP"] === undefined) {
    const used = new Set(usedAddresses(world));
    const free = world.serviceAddresses.free(used);
    if (free === undefined) throw new Error("failed to allocate a serviceIP: range is full");
    spec["clusterIP"] = free;
  }
  spec["clusterIPs"] = [spec["clusterIP"]];
  setDefault(spec, "ipFamilies", ["IPv4"]);
  setDefault(spec, "ipFamilyPolicy", "SingleStack");
}

const services = (world: Surroundings): readonly KubernetesObject[] => world.store.list("services");

function usedAddresses(world: Surroundings): string[] {
  return services(world).flatMap((service) => listOf(at(service, "spec", "clusterIPs")).map(textOf));
}

function giveNodePorts(spec: JsonRecord, old: KubernetesObject | undefined, world: Surroundings): void {
  const oldPorts = recordsOf(at(old, "spec", "ports"));
  const used = new Set(
    services(world).flatMap((service) => recordsOf(at(service, "spec", "ports")).map((port) => port["nodePort"])),
  );
  for (const port of recordsOf(spec["ports"])) {
    const before = oldPorts.find((each) => each["port"] === port["port"] && each["protocol"] === port["protocol"]);
    if (before?.["nodePort"] !== undefined) setDefault(port, "nodePort", before["nodePort"]);
    if (port["nodePort"] !== undefined && port["nodePort"] !== 0) continue;
    for (let candidate = nodePorts.first; candidate <= nodePorts.last; candidate += 1) {
      if (used.has(candidate)) continue;
      used.add(candidate);
      port["nodePort"] = candidate;
      break;
    }
  }
}

const required = (field: string): Fault => ({ field, type: "FieldValueRequired", detail: "Required value" });

function validate(service: KubernetesObject, old: KubernetesObject | undefined, world: Surroundings): Fault[] {
  const spec = recordOf(service["spec"]);
  const faults: Fault[] = portFaults(recordsOf(spec["ports"]));
  const type = textOf(spec["type"]);
  if (!["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"].includes(type)) {
    const detail = `Unsupported value: ${JSON.stringify(type)}: supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"`;
    faults.push({ field: "spec.type", type: "FieldValueNotSupported", detail });
  }
  const address = textOf(spec["clusterIP"]);
  if (type === "ExternalName") {
    if (!spec["externalName"]) faults.push(required("spec.externalName"));
    return faults;
  }
  if (listOf(spec["ports"]).length === 0 && address !== "None") faults.push(required("spec.ports"));
  return [...faults, ...addressFaults(service, old, { address, world })];
}

function addressFaults(
  service: KubernetesObject,
  old: KubernetesObject | undefined,
  { address, world }: { address: string; world: Surroundings },
): Fault[] {
  const before = textOf(at(old, "spec", "clusterIP"));
  const wrong = (field: string, why: string): Fault => ({
    field,
    type: "FieldValueInvalid",
    detail: `Invalid value: ${JSON.stringify(address)}: ${why}`,
  });
  if (before !== "" && before !== address) return [wrong("spec.clusterIPs[0]", "may not change once set")];
  if (before !== "" || address === "None") return [];
  if (!world.serviceAddresses.contains(address)) {
    return [wrong("spec.clusterIPs", `failed to allocate IP ${address}: the provided IP is not in the valid range`)];
  }
  const taken = services(world).some(
    (other) => other.metadata.uid !== service.metadata.uid && at(other, "spec", "clusterIP") === address,
  );
  return taken ? [wrong("spec.clusterIPs", `failed to allocate IP ${address}: provided IP is already allocated`)] : [];
}

function portFaults(ports: readonly JsonRecord[]): Fault[] {
  const seenNames = new Set<unknown>();
  const seenPorts = new Set<string>();
  return ports.flatMap((port, index): Fault[] => {
    const field = `spec.ports[${index}]`;
    const faults: Fault[] = [];
    const number = port["port"];
    if (typeof number !== "number" || number < 1 || number > 65_535) {
      const detail = `Invalid value: ${JSON.stringify(number ?? 0)}: must be between 1 and 65535, inclusive`;
      faults.push({ field: `${field}.port`, type: "FieldValueInvalid", detail });
    }
    if (port["name"] === undefined && ports.length > 1) faults.push(required(`${field}.name`));
    if (port["name"] !== undefined && seenNames.has(port["name"])) {
      const detail = `Duplicate value: ${JSON.stringify(port["name"])}`;
      faults.push({ field: `${field}.name`, type: "FieldValueDuplicate", detail });
    }
    seenNames.add(port["name"]);
    const identity = JSON.stringify({ protocol: port["protocol"], port: number });
    if (seenPorts.has(identity)) {
      faults.push({ field, type: "FieldValueDuplicate", detail: `Duplicate value: ${identity}` });
    }
    seenPorts.add(identity);
    return faults;
  });
}

function externalAddresses(service: KubernetesObject): string {
  const type = at(service, "spec", "type");
  if (type === "ExternalName") return textOf(at(service, "spec", "externalName"));
  const ingress = recordsOf(at(service, "status", "loadBalancer", "ingress")).map((each) =>
    textOf(each["ip"] ?? each["hostname"]),
  );
  if (type === "LoadBalancer" && ingress.length === 0) return "<pending>";
  return joined([...ingress, ...listOf(at(service, "spec", "externalIPs")).map(textOf)]);
}

function portsText(service: KubernetesObject): string {
  const ports = recordsOf(at(service, "spec", "ports")).map(({ port, nodePort, protocol }) => {
    const node = scalarText(nodePort);
    return `${scalarText(port)}${node === "" ? "" : `:${node}`}/${scalarText(protocol)}`;
  });
  return joined(ports);
}

function selectorText(service: KubernetesObject): string {
  const pairs = Object.entries(recordOf(at(service, "spec", "selector")));
  return joined(pairs.map(([key, value]) => `${key}=${textOf(value)}`).sort());
}

export const serviceKind = defineKind({
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  hasStatus: true,
  columns: [
    nameColumn,
    textColumn("Type", (service) => textOf(at(service, "spec", "type"))),
    textColumn("Cluster-IP", (service) => textOf(at(service, "spec", "clusterIP")) || "<none>"),
    textColumn("External-IP", externalAddresses),
    textColumn("Port(s)", portsText),
    ageColumn,
    wideColumn("Selector", selectorText),
  ],
  behaviour: {
    nameForm: "label",
    selectableFields: ["spec.clusterIP", "spec.type"],
    prepare,
    validate,
  },
});
