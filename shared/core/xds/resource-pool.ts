import { compareObjectKeys, type ObjectKey } from "../object.ts";
import type { MeshIndex } from "./mesh-index.ts";
import { type Resource, type ResourceId, resourceId } from "./resource.ts";

/** What a step makes resources from: the mesh, and the place where classes share them. */
export interface TranslationContext {
  readonly index: MeshIndex;
  readonly pool: ResourcePool;
}

/** Makes each resource of a mesh once, however many classes hold it: so the same id is the same object, with the same bytes. */
export interface ResourcePool {
  resource(id: Pick<Resource, "type" | "name" | "variant">, make: () => ResourceContent): Resource;
  /** A list of resources that several classes share, made once. */
  list(key: string, make: () => readonly Resource[]): readonly Resource[];
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
  const lists = new Map<string, readonly Resource[]>();
  return {
    resource: ({ type, name, variant }, make) => {
      const id = resourceId({ type, name, variant });
      const known = resources.get(id);
      if (known !== undefined) return known;
      const { body, causes, references } = make();
      const made: Resource = {
        type,
        name,
        variant,
        body,
        causes: sortedWithoutRepeats(causes, compareObjectKeys),
        references: sortedWithoutRepeats(references, compareReferences),
      };
      resources.set(id, made);
      return made;
    },
    list: (key, make) => {
      const known = lists.get(key);
      if (known !== undefined) return known;
      const made = make();
      lists.set(key, made);
      return made;
    },
  };
}

function sortedWithoutRepeats<T>(values: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  const sorted = values.toSorted(compare);
  return sorted.filter((value, index) => {
    const previous = sorted[index - 1];
    return previous === undefined || compare(previous, value) !== 0;
  });
}

function compareReferences(a: Resource["references"][number], b: Resource["references"][number]): number {
  const left = `${a.type}|${a.name}`;
  const right = `${b.type}|${b.name}`;
  return left < right ? -1 : left > right ? 1 : 0;
}
