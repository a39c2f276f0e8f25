import { type ObjectKey, objectKeyText } from "../object.ts";
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
    causes: sortedWithoutRepeats(causes, objectKeyText),
    references: sortedWithoutRepeats(references, referenceText),
  };
}

function sortedWithoutRepeats<T>(values: readonly T[], textOf: (value: T) => string): readonly T[] {
  if (values.length < 2) return values;
  const byText = new Map<string, T>();
  let isSorted = true;
  let before = "";
  for (const value of values) {
    const text = textOf(value);
    isSorted &&= before < text;
    before = text;
    byText.set(text, value);
  }
  return isSorted ? values : [...byText.keys()].sort().flatMap((text) => byText.get(text) ?? []);
}

function referenceText({ type, name }: Resource["references"][number]): string {
  return `${type}|${name}`;
}
