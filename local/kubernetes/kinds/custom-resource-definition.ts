import type { Fault } from "../api-error.ts";
import { at, ensureRecord, type JsonRecord, listOf, recordOf, recordsOf, setDefault, textOf } from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import type { Schema } from "../schema/schema.ts";
import { structuralFaults } from "../schema/structural.ts";
import { nameColumn, textColumn } from "../tables/columns.ts";
import { defineKind } from "./define-kind.ts";

function prepare(draft: KubernetesObject, old: KubernetesObject | undefined): void {
  const spec = ensureRecord(draft, "spec");
  const names = ensureRecord(spec, "names");
  setDefault(names, "singular", textOf(names["kind"]).toLowerCase());
  setDefault(names, "listKind", `${textOf(names["kind"])}List`);
  setDefault(spec, "conversion", { strategy: "None" });
  const storage = recordsOf(spec["versions"]).find((version) => version["storage"] === true);
  if (old === undefined) {
    draft["status"] = {
      conditions: null,
      acceptedNames: { plural: "", kind: "" },
      storedVersions: [storage?.["name"]],
    };
    return;
  }
  const status = ensureRecord(draft, "status");
  const stored = listOf(status["storedVersions"]);
  if (storage !== undefined && !stored.includes(storage["name"])) {
    status["storedVersions"] = [...stored, storage["name"]];
  }
}

const required = (field: string): Fault => ({ field, type: "FieldValueRequired", detail: "Required value" });

function versionFaults(version: JsonRecord, index: number, versions: readonly JsonRecord[]): Fault[] {
  const field = `spec.versions[${index}]`;
  const faults = version["name"] ? [] : [required(`${field}.name`)];
  const schema = at(version, "schema", "openAPIV3Schema");
  if (schema === undefined) return [...faults, required(`${field}.schema.openAPIV3Schema`)];
  // A schema that all versions share is spoken of where it stood in the first form of definitions.
  const place = versions.length === 1 ? "spec.validation.openAPIV3Schema" : `${field}.schema.openAPIV3Schema`;
  return [...faults, ...structuralFaults(schema as Schema, place)];
}

/** What objects that are stored already rely on. */
function immutableFaults(crd: KubernetesObject, old: KubernetesObject | undefined): Fault[] {
  if (old === undefined) return [];
  return [["scope"], ["names", "kind"]].flatMap((path): Fault[] => {
    const value = at(crd, "spec", ...path);
    if (value === at(old, "spec", ...path)) return [];
    const detail = `Invalid value: ${JSON.stringify(value)}: field is immutable`;
    return [{ field: ["spec", ...path].join("."), type: "FieldValueInvalid", detail }];
  });
}

function validate(crd: KubernetesObject, old: KubernetesObject | undefined): Fault[] {
  const spec = recordOf(crd["spec"]);
  const names = recordOf(spec["names"]);
  const versions = recordsOf(spec["versions"]);
  const faults: Fault[] = [];
  if (!spec["group"]) faults.push(required("spec.group"));
  for (const name of ["plural", "kind"]) if (!names[name]) faults.push(required(`spec.names.${name}`));
  if (!["Cluster", "Namespaced"].includes(textOf(spec["scope"]))) {
    const detail = `Unsupported value: ${JSON.stringify(spec["scope"] ?? "")}: supported values: "Cluster", "Namespaced"`;
    faults.push({ field: "spec.scope", type: "FieldValueNotSupported", detail });
  }
  const name = `${textOf(names["plural"])}.${textOf(spec["group"])}`;
  if (crd.metadata.name !== name) {
    const detail = `Invalid value: ${JSON.stringify(crd.metadata.name)}: must be spec.names.plural+"."+spec.group`;
    faults.push({ field: "metadata.name", type: "FieldValueInvalid", detail });
  }
  if (versions.filter((version) => version["storage"] === true).length !== 1) {
    const detail = `Invalid value: ${JSON.stringify(versions.map((version) => version["name"]))}: must have exactly one version marked as storage version`;
    faults.push({ field: "spec.versions", type: "FieldValueInvalid", detail });
  }
  if (at(spec, "conversion", "strategy") !== "None") {
    const detail = `Unsupported value: ${JSON.stringify(at(spec, "conversion", "strategy"))}: supported values: "None"`;
    faults.push({ field: "spec.conversion.strategy", type: "FieldValueNotSupported", detail });
  }
  return [...faults, ...immutableFaults(crd, old), ...versions.flatMap(versionFaults)];
}

/** Holds a definition in deletion until its objects are gone. */
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

export const customResourceDefinitionKind = defineKind({
  group: "apiextensions.k8s.io",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  clusterScoped: true,
  hasStatus: true,
  columns: [nameColumn, textColumn("Created At", (crd) => crd.metadata.creationTimestamp)],
  behaviour: { unconditionalUpdate: false, generation: true, cleanupFinalizers: [cleanupFinalizer], prepare, validate },
});
