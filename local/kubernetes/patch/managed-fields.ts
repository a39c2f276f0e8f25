/** Who wrote which field, when: `metadata.managedFields`. */
import { isRecord, recordsOf, sameJson } from "../json.ts";
import { apiVersionOf, type Kind } from "../kinds/kind.ts";
import type { KubernetesObject, ManagedFieldsEntry } from "../object.ts";
import { type FieldPath, fieldsOf, fromFieldsV1, isStatusPath, toFieldsV1 } from "./field-paths.ts";

/** One manager's fields. */
export interface Ownership {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time: string;
  readonly paths: ReadonlySet<FieldPath>;
}

export interface Write {
  readonly kind: Kind;
  readonly options: { readonly fieldManager: string };
  readonly subresource: string | undefined;
  readonly time: string;
  /** The fields that a server-side apply names; undefined for every other write. */
  readonly applied?: ReadonlySet<FieldPath> | undefined;
}

export function ownershipsOf(object: KubernetesObject | undefined): readonly Ownership[] {
  return recordsOf(object?.metadata.managedFields)
    .filter((entry) => typeof entry["manager"] === "string" && isRecord(entry["fieldsV1"]))
    .map((entry) => ({
      manager: String(entry["manager"]),
      operation: entry["operation"] === "Apply" ? "Apply" : "Update",
      apiVersion: String(entry["apiVersion"]),
      subresource: typeof entry["subresource"] === "string" ? entry["subresource"] : undefined,
      time: String(entry["time"]),
      paths: fromFieldsV1(entry["fieldsV1"]),
    }));
}

function toEntry({ manager, operation, apiVersion, time, paths, subresource }: Ownership): ManagedFieldsEntry {
  return {
    apiVersion,
    fieldsType: "FieldsV1",
    fieldsV1: toFieldsV1(paths),
    manager,
    operation,
    ...(subresource === undefined ? {} : { subresource }),
    time,
  };
}

/** The fields whose value a write sets or changes, and those that it removes. */
function compareFields(
  next: KubernetesObject,
  old: KubernetesObject | undefined,
  kind: Kind,
): { changed: ReadonlySet<FieldPath>; present: ReadonlySet<FieldPath> } {
  const after = fieldsOf(next, kind.schema);
  const before = old === undefined ? new Map<FieldPath, unknown>() : fieldsOf(old, kind.schema);
  const changed = [...after].filter(([path, value]) => !before.has(path) || !sameJson(before.get(path), value));
  return { changed: new Set(changed.map(([path]) => path)), present: new Set(after.keys()) };
}

/** The object with its managedFields brought up to date for one write. Both objects are in the stored version. */
export function trackFields(next: KubernetesObject, old: KubernetesObject | undefined, write: Write): KubernetesObject {
  const { kind, subresource, time, applied } = write;
  const apiVersion = apiVersionOf(kind);
  const operation = applied === undefined ? "Update" : "Apply";
  const manager = write.options.fieldManager;
  const isOwn = (each: Ownership): boolean =>
    each.manager === manager && each.operation === operation && each.subresource === subresource;
  const { changed, present } = compareFields(next, old, kind);
  // What the status strategy fills in on create is the server's, not the client's.
  const counted = [...changed].filter((path) => !kind.hasStatus || isStatusPath(path) === (subresource === "status"));
  const before = ownershipsOf(next.metadata.managedFields === undefined ? old : next);
  const own = before.find(isOwn);
  const wanted = new Set(applied ?? [...(own?.paths ?? []), ...counted]);
  const others = before
    .filter((each) => !isOwn(each))
    .map((each) => ({ ...each, paths: keep(each.paths, (path) => present.has(path) && !changed.has(path)) }));
  const paths = keep(wanted, (path) => present.has(path));
  const touched = counted.length > 0 || own === undefined || own.paths.size !== paths.size;
  const entry = { manager, operation, apiVersion, subresource, time: touched ? time : own.time, paths } as const;
  const all = [...others, ...(touched || own !== undefined ? [entry] : [])].filter((each) => each.paths.size > 0);
  return { ...next, metadata: { ...next.metadata, managedFields: all.map(toEntry) } };
}

function keep(paths: Iterable<FieldPath>, wanted: (path: FieldPath) => boolean): ReadonlySet<FieldPath> {
  return new Set([...paths].filter(wanted));
}
