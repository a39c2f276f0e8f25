import { compareObjectKeys, type ObjectKey } from "../object.ts";
import type { MeshLookup } from "./mesh-index.ts";
import { type Resource, type ResourceId, resourceId } from "./resource.ts";

/** What a step makes resources from: the mesh, and the place where classes share them. */
export interface TranslationContext {
  readonly index: MeshLookup;
  readonly pool: ResourcePool;
}

/** Makes each resource of a mesh once, however many classes hold it: so the same id is the same object, with the same bytes. */
export interface ResourcePool {
  /** Bytes that are the same for many resources, made once for each key. The key says all that they depend on but the mesh's settings. */
  readonly body: (key: string, make: () => Uint8Array) => Uint8Array;
  resource(id: Pick<Resource, "type" | "name" | "variant">, make: () => ResourceContent): Resource;
}

export interface ResourceContent {
  readonly body: Uint8Array;
  /** In any order, with repeats. */
  readonly causes: readonly ObjectKey[];
  /** In any order, with repeats. */
  readonly references: Resource["references"];
}

export function createResourcePool(): ResourcePool {
  const resources = new Map<ResourceId, Resource>();
  return {
    body: createBodies(),
    resource: ({ type, name, variant }, make) => {
      const id = resourceId({ type, name, variant });
      const known = resources.get(id);
      if (known !== undefined) return known;
      const made: Resource = { type, name, variant, ...tidy(make()) };
      resources.set(id, made);
      return made;
    },
  };
}

export function createBodies(): ResourcePool["body"] {
  const bodies = new Map<string, Uint8Array>();
  return (key, make) => {
    const known = bodies.get(key);
    if (known !== undefined) return known;
    const made = make();
    bodies.set(key, made);
    return made;
  };
}

/** Causes and references in order, without repeats. */
export function tidy({ body, causes, references }: ResourceContent): ResourceContent {
  return {
    body,
    causes: sortedWithoutRepeats(causes, compareObjectKeys),
    references: sortedWithoutRepeats(references, compareReferences),
  };
}

type Compare<T> = (a: T, b: T) => number;

function sortedWithoutRepeats<T>(values: readonly T[], compare: Compare<T>): readonly T[] {
  if (isAscending(values, compare)) return values;
  const sorted = values.toSorted(compare);
  return sorted.filter((value, position) => {
    const before = sorted[position - 1];
    return before === undefined || compare(before, value) < 0;
  });
}

function isAscending<T>(values: readonly T[], compare: Compare<T>): boolean {
  let before: T | undefined;
  for (const value of values) {
    if (before !== undefined && compare(before, value) >= 0) return false;
    before = value;
  }
  return true;
}

export function compareReferences(a: Resource["references"][number], b: Resource["references"][number]): number {
  if (a.type !== b.type) return a.type < b.type ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
