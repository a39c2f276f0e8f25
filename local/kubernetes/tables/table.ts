/** The server-side `Table` that kubectl prints, and the metadata-only forms of objects. */
import type { Kind } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableOptions {
  readonly includeObject: IncludeObject;
  /** Later events of a watch come without column definitions. */
  readonly headers: boolean;
  readonly now: number;
}

export function partialMetadata(object: KubernetesObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

/**
 * @param objects in the shape of the kind's version
 * @param metadata of the list, or of the single object
 */
export function buildTable(
  kind: Kind,
  objects: { items: readonly KubernetesObject[]; metadata: object },
  options: TableOptions,
): object {
  const { includeObject, headers, now } = options;
  const columnDefinitions = kind.columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format: format ?? "",
    description: description ?? "",
    priority: priority ?? 0,
  }));
  const rows = objects.items.map((object) => ({
    cells: kind.columns.map((column) => column.cell(object, now)),
    ...(includeObject === "None" ? {} : { object: includeObject === "Object" ? object : partialMetadata(object) }),
  }));
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: objects.metadata,
    columnDefinitions: headers ? columnDefinitions : null,
    rows,
  };
}
