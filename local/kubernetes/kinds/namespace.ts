import { at, ensureRecord, textOf } from "../json.ts";
import { ageColumn, nameColumn, textColumn } from "../tables/columns.ts";
import { defineKind } from "./define-kind.ts";

/** The label that selectors of namespaces rely on. */
const nameLabel = "kubernetes.io/metadata.name";

export const namespaceKind = defineKind({
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  clusterScoped: true,
  hasStatus: true,
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  columns: [nameColumn, textColumn("Status", (object) => textOf(at(object, "status", "phase"))), ageColumn],
  behaviour: {
    nameForm: "label",
    selectableFields: ["status.phase"],
    prepare(draft, old) {
      draft.metadata.labels = { ...draft.metadata.labels, [nameLabel]: draft.metadata.name };
      if (old !== undefined) {
        // Removed by the namespace controller alone, when nothing is left in the namespace.
        draft["spec"] = old["spec"];
        return;
      }
      ensureRecord(draft, "spec")["finalizers"] = ["kubernetes"];
      draft["status"] = { phase: "Active" };
    },
  },
});
