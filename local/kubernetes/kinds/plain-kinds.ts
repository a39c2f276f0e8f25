/** Kinds with little behaviour: ConfigMap, Secret, ServiceAccount, Lease, Node. */
import type { Fault } from "../api-error.ts";
import { at, isRecord, listOf, recordOf, recordsOf, sameJson, setDefault, textOf } from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import { ageColumn, countColumn, joined, nameColumn, textColumn, wideColumn } from "../tables/columns.ts";
import { defineKind } from "./define-kind.ts";

const size = (value: unknown): number => Object.keys(recordOf(value)).length;

const dataKey = /^[-._a-zA-Z0-9]+$/;
const dataKeyWords =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const largestData = 1024 * 1024;

const invalidValue = (field: string, value: unknown, why: string): Fault => ({
  field,
  type: "FieldValueInvalid",
  detail: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});

/** Faults of the maps that ConfigMaps and Secrets hold: keys, size, and what may not change any more. */
function dataFaults(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  { maps, whole }: { maps: readonly string[]; whole: string },
): readonly Fault[] {
  const seen = new Set<string>();
  const faults: Fault[] = [];
  let bytes = 0;
  for (const map of maps) {
    for (const [key, value] of Object.entries(recordOf(object[map]))) {
      if (!dataKey.test(key)) faults.push(invalidValue(`${map}[${key}]`, key, dataKeyWords));
      if (seen.has(key)) faults.unshift(invalidValue(`data[${key}]`, key, "duplicate of key present in binaryData"));
      seen.add(key);
      bytes += Buffer.byteLength(textOf(value), map === "data" && whole === "" ? "utf8" : "base64");
    }
  }
  if (bytes > largestData) {
    const detail = `Too long: may not be more than ${largestData} bytes`;
    faults.push({ field: whole === "" ? "[]" : whole, type: "FieldValueTooLong", detail });
  }
  if (old?.["immutable"] !== true) return faults;
  const changed = ["immutable", ...maps].filter((field) => !sameJson(object[field], old[field]));
  const detail = "Forbidden: field is immutable when `immutable` is set";
  return [...faults, ...changed.map((field): Fault => ({ field, type: "FieldValueForbidden", detail }))];
}

export const configMapKind = defineKind({
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  columns: [nameColumn, countColumn("Data", (object) => size(object["data"]) + size(object["binaryData"])), ageColumn],
  behaviour: { validate: (object, old) => dataFaults(object, old, { maps: ["data", "binaryData"], whole: "" }) },
});

export const secretKind = defineKind({
  kind: "Secret",
  plural: "secrets",
  columns: [
    nameColumn,
    textColumn("Type", (object) => textOf(object["type"])),
    countColumn("Data", (object) => size(object["data"])),
    ageColumn,
  ],
  behaviour: {
    selectableFields: ["type"],
    prepare(draft) {
      setDefault(draft, "type", "Opaque");
      const { stringData } = draft;
      if (!isRecord(stringData)) return;
      const encoded = Object.entries(stringData).map(([key, text]) => [
        key,
        Buffer.from(textOf(text)).toString("base64"),
      ]);
      draft["data"] = { ...recordOf(draft["data"]), ...Object.fromEntries(encoded) };
      delete draft["stringData"];
    },
    validate: (object, old) => [
      ...dataFaults(object, old, { maps: ["data"], whole: "data" }),
      ...(old !== undefined && old["type"] !== object["type"]
        ? [invalidValue("type", object["type"], "field is immutable")]
        : []),
    ],
  },
});

export const serviceAccountKind = defineKind({
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  columns: [nameColumn, countColumn("Secrets", (object) => listOf(object["secrets"]).length), ageColumn],
});

export const leaseKind = defineKind({
  group: "coordination.k8s.io",
  kind: "Lease",
  plural: "leases",
  columns: [nameColumn, textColumn("Holder", (object) => textOf(at(object, "spec", "holderIdentity"))), ageColumn],
  behaviour: {
    unconditionalUpdate: false,
    createOnUpdate: true,
    validate(object) {
      const atLeast = (field: string, least: number, words: string): readonly Fault[] => {
        const value = at(object, "spec", field);
        if (typeof value !== "number" || value >= least) return [];
        const detail = `Invalid value: ${value}: must be ${words}`;
        return [{ field: `spec.${field}`, type: "FieldValueInvalid", detail }];
      };
      return [
        ...atLeast("leaseDurationSeconds", 1, "greater than 0"),
        ...atLeast("leaseTransitions", 0, "greater than or equal to 0"),
      ];
    },
  },
});

const rolePrefix = "node-role.kubernetes.io/";

function nodeRoles({ metadata }: KubernetesObject): string {
  const roles = Object.keys(metadata.labels ?? {}).filter((label) => label.startsWith(rolePrefix));
  return joined(roles.map((label) => label.slice(rolePrefix.length)).sort());
}

function nodeStatus(object: KubernetesObject): string {
  const ready = recordsOf(at(object, "status", "conditions")).find(({ type }) => type === "Ready");
  const state = ready === undefined ? "Unknown" : ready["status"] === "True" ? "Ready" : "NotReady";
  return at(object, "spec", "unschedulable") === true ? `${state},SchedulingDisabled` : state;
}

const nodeAddress =
  (type: string) =>
  (object: KubernetesObject): string => {
    const address = recordsOf(at(object, "status", "addresses")).find((each) => each["type"] === type);
    return address === undefined ? "<none>" : textOf(address["address"]);
  };

const nodeInfo =
  (field: string) =>
  (object: KubernetesObject): string =>
    textOf(at(object, "status", "nodeInfo", field)) || "<unknown>";

export const nodeKind = defineKind({
  kind: "Node",
  plural: "nodes",
  shortNames: ["no"],
  clusterScoped: true,
  hasStatus: true,
  columns: [
    nameColumn,
    textColumn("Status", nodeStatus),
    textColumn("Roles", nodeRoles),
    ageColumn,
    textColumn("Version", (object) => textOf(at(object, "status", "nodeInfo", "kubeletVersion"))),
    wideColumn("Internal-IP", nodeAddress("InternalIP")),
    wideColumn("External-IP", nodeAddress("ExternalIP")),
    wideColumn("OS-Image", nodeInfo("osImage")),
    wideColumn("Kernel-Version", nodeInfo("kernelVersion")),
    wideColumn("Container-Runtime", nodeInfo("containerRuntimeVersion")),
  ],
  behaviour: {
    selectableFields: ["spec.unschedulable"],
    prepare(draft) {
      setDefault(draft, "spec", {});
      setDefault(draft, "status", {});
    },
  },
});
