import { type ObjectKey, objectKeyText } from "../object.ts";
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
        causes: sortedWithoutRepeats(causes, objectKeyText),
        references: sortedWithoutRepeats(references, referenceText),
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

function sortedWithoutRepeats<T>(values: readonly T[], textOf: (value: T) => string): readonly T[] {
  if (values.length < 2) return values;
  const byText = new Map(values.map((value) => [textOf(value), value]));
  return [...byText.keys()].sort().flatMap((text) => byText.get(text) ?? []);
}

function referenceText({ type, name }: Resource["references"][number]): string {
  return `${type}|${name}`;
}
