/** Columns that many kinds have. */
import type { Cell, Column } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";
import { ageOf } from "./human-duration.ts";

export const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  cell: ({ metadata }) => metadata.name,
};

export const ageColumn: Column = {
  name: "Age",
  type: "string",
  description: "Time since the object was created.",
  cell: ({ metadata }, now) => ageOf(metadata.creationTimestamp, now),
};

export function textColumn(name: string, cell: (object: KubernetesObject, now: number) => Cell): Column {
  return { name, type: "string", description: "", cell };
}

export function wideColumn(name: string, cell: (object: KubernetesObject, now: number) => Cell): Column {
  return { ...textColumn(name, cell), priority: 1 };
}

export function countColumn(name: string, cell: (object: KubernetesObject) => number): Column {
  return { name, type: "integer", description: "", cell };
}

/** "a,b" or "<none>". */
export function joined(parts: readonly string[]): string {
  return parts.length === 0 ? "<none>" : parts.join(",");
}
