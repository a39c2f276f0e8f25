/** Events: one collection, served as v1 and, with other field names, as events.k8s.io/v1. */
import { at, recordOf, setDefault, textOf } from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import { nameColumn, textColumn, wideColumn } from "../tables/columns.ts";
import { ageOf } from "../tables/human-duration.ts";
import { defineKind } from "./define-kind.ts";

/** How long Events are kept, in milliseconds. */
export const eventLife = 60 * 60 * 1000;

function lastSeen(event: KubernetesObject): unknown {
  return at(event, "series", "lastObservedTime") ?? event["lastTimestamp"] ?? event["eventTime"];
}

function objectName(reference: unknown): string {
  return `${textOf(at(reference, "kind")).toLowerCase()}/${textOf(at(reference, "name"))}`;
}

function source(event: KubernetesObject): string {
  const { component, host } = recordOf(event["source"]);
  const name = textOf(component) || textOf(event["reportingComponent"]);
  return host === undefined ? name : `${name}, ${textOf(host)}`;
}

const columns = [
  textColumn("Last Seen", (event, now) => ageOf(lastSeen(event) ?? event.metadata.creationTimestamp, now)),
  textColumn("Type", (event) => textOf(event["type"])),
  textColumn("Reason", (event) => textOf(event["reason"])),
  textColumn("Object", (event) => objectName(event["involvedObject"])),
  wideColumn("Subobject", (event) => textOf(at(event, "involvedObject", "fieldPath"))),
  wideColumn("Source", source),
  textColumn("Message", (event) => textOf(event["message"]).trim()),
  wideColumn("First Seen", (event, now) => ageOf(event["firstTimestamp"] ?? event.metadata.creationTimestamp, now)),
  wideColumn("Count", (event) => {
    const count = at(event, "series", "count") ?? event["count"];
    return typeof count === "number" ? count : 1;
  }),
  { ...nameColumn, priority: 1 },
];

const involved = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
const common = ["reason", "reportingComponent", "source", "type"];

export const coreEventKind = defineKind({
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  columns,
  behaviour: {
    createOnUpdate: true,
    selectableFields: [...involved.map((field) => `involvedObject.${field}`), ...common],
    prepare(draft) {
      setDefault(draft, "source", {});
      setDefault(draft, "reportingComponent", "");
      setDefault(draft, "reportingInstance", "");
      setDefault(draft, "eventTime", null);
      setDefault(draft, "firstTimestamp", null);
      setDefault(draft, "lastTimestamp", null);
    },
    validate(event) {
      const namespace = textOf(at(event, "involvedObject", "namespace"));
      const lies = event.metadata.namespace ?? "";
      // Events about what lies in no namespace stand in "default".
      if (namespace === lies || (namespace === "" && ["default", "kube-system"].includes(lies))) return [];
      const detail = `Invalid value: ${JSON.stringify(namespace)}: does not match event.namespace`;
      return [{ field: "involvedObject.namespace", type: "FieldValueInvalid", detail }];
    },
  },
});

/** Names of the same field in events.k8s.io/v1 and in v1. */
const renamed: readonly (readonly [newer: string, core: string])[] = [
  ["regarding", "involvedObject"],
  ["note", "message"],
  ["reportingController", "reportingComponent"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
];

function rename(object: KubernetesObject, names: ReadonlyMap<string, string>, apiVersion: string): KubernetesObject {
  const fields = Object.entries(object).map(([field, value]) => [names.get(field) ?? field, value]);
  return { ...Object.fromEntries(fields), apiVersion, kind: object.kind, metadata: object.metadata };
}

const toCore = new Map(renamed);
const toNewer = new Map(renamed.map(([newer, core]) => [core, newer]));

export const eventKind = defineKind({
  group: "events.k8s.io",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  collection: coreEventKind.collection,
  columns: columns.map((column) => ({
    ...column,
    cell: (event: KubernetesObject, now: number) => column.cell(rename(event, toCore, "v1"), now),
  })),
  behaviour: {
    ...coreEventKind.behaviour,
    selectableFields: [...involved.map((field) => `regarding.${field}`), "reason", "reportingController", "type"],
  },
  toStored: (object) => rename(object, toCore, "v1"),
  fromStored: (object) => rename(object, toNewer, "events.k8s.io/v1"),
});
