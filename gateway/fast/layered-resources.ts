import type { ViewResource, ViewResources } from "../../shared/core/stream/view.ts";

/** Names with what they are now; null: gone. */
export type ResourceEdits = ReadonlyMap<string, ViewResource | null>;

type Top = Pick<ResourceEdits, "get" | "has" | "size" | typeof Symbol.iterator>;

/** From so many edits on, the edits of a map that is not far larger are folded into it. */
const fewEdits = 16;

export const noResources: ViewResources = new Map();

/**
 * A few resources over many, and the whole immutable: so thousands of views share what lies below, and a change copies the few (amortised O(√n)). What was
 * there first comes first. A class, as there are six for each of thousands of views.
 */
class LayeredResources implements ViewResources {
  readonly top: Top;
  readonly below: ViewResources;
  private counted: number | undefined;

  constructor(top: Top, below: ViewResources) {
    this.top = top;
    this.below = below;
  }

  get size(): number {
    if (this.counted === undefined) {
      let size = this.below.size;
      for (const [name, resource] of this.top) size += Number(resource !== null) - Number(this.below.has(name));
      this.counted = size;
    }
    return this.counted;
  }

  get(name: string): ViewResource | undefined {
    const edit = this.top.get(name);
    return edit === undefined ? this.below.get(name) : (edit ?? undefined);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *[Symbol.iterator](): Generator<[string, ViewResource], undefined> {
    const { top, below } = this;
    for (const entry of below) {
      const edit = top.get(entry[0]);
      if (edit === undefined) yield entry;
      else if (edit !== null) yield [entry[0], edit];
    }
    for (const [name, resource] of top) if (resource !== null && !below.has(name)) yield [name, resource];
    return undefined;
  }

  *keys(): Generator<string, undefined> {
    for (const [name] of this) yield name;
    return undefined;
  }

  *values(): Generator<ViewResource, undefined> {
    for (const [, resource] of this) yield resource;
    return undefined;
  }
}

/** The same but for the edits. */
export function withEdits(resources: ViewResources, edits: ResourceEdits): ViewResources {
  if (edits.size === 0) return resources;
  const { top, below } = resources instanceof LayeredResources ? resources : { top: [], below: resources };
  const edited = new Map<string, ViewResource | null>(top);
  for (const [name, resource] of edits) {
    if (resource === null && !below.has(name)) edited.delete(name);
    else edited.set(name, resource);
  }
  const layered = new LayeredResources(edited, below);
  const isLarge = edited.size > fewEdits && edited.size ** 2 > below.size;
  return isLarge || below.size === 0 ? new Map(layered) : layered;
}

/** What one has of its own over what it shares with others: of a name that is in both, its own. */
export function over(own: ViewResources, shared: ViewResources): ViewResources {
  if (own.size === 0) return shared;
  return shared.size === 0 ? own : new LayeredResources(own, shared);
}

/** Names that differ between two maps, by identity of what they name. What both are made of is looked at only where they are not the same map. */
export function differingNames(before: ViewResources, after: ViewResources): readonly string[] {
  if (before === after) return [];
  const names: string[] = [];
  for (const [name, resource] of after) if (before.get(name) !== resource) names.push(name);
  for (const name of before.keys()) if (!after.has(name)) names.push(name);
  return names;
}
