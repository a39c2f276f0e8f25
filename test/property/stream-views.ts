import { type ViewContent, viewOf } from "../../shared/core/stream/stream-fixture.ts";
import type { View, ViewChange, ViewResource, ViewResources } from "../../shared/core/stream/view.ts";
import { type EnvoyType, envoyTypes } from "../../shared/core/xds/resource.ts";

/** How the same content may be given to a stream. */
export interface ViewShape {
  /** How many views back it says what changed. */
  readonly tells: number;
  /** Whether it names some that did not change besides. */
  readonly tellsMore: boolean;
  readonly layered: boolean;
  /** Whether its resources are other objects than those of the views before. */
  readonly anew: boolean;
}

export const plainShape: ViewShape = { tells: 0, tellsMore: false, layered: false, anew: false };

/** Makes one view after the other, each with a new generation. */
export function createViewMaker(): (content: ViewContent, shape: ViewShape) => View {
  const past: ViewContent[] = [];
  return (content, shape) => {
    past.push(content);
    const generation = past.length;
    const { resources } = viewOf(generation, content);
    return {
      generation,
      snapshotVersion: generation,
      resources: perType((type) => shaped(resources[type], shape)),
      changesSince(since) {
        const before = past[since - 1];
        if (before === undefined || generation - since > shape.tells) return undefined;
        return envoyTypes.map((type) => changeOf(type, { before, after: content, more: shape.tellsMore }));
      },
    };
  };
}

function changeOf(
  type: EnvoyType,
  { before, after, more }: { readonly before: ViewContent; readonly after: ViewContent; readonly more: boolean },
): ViewChange {
  const names = [...new Set([...Object.keys(before[type] ?? {}), ...Object.keys(after[type] ?? {}), "nowhere"])];
  return { type, names: more ? names : names.filter((name) => before[type]?.[name] !== after[type]?.[name]) };
}

function shaped(resources: ViewResources, { layered, anew }: ViewShape): ViewResources {
  const entries = [...resources].map(([name, resource]): [string, ViewResource] => [
    name,
    anew ? { ...resource } : resource,
  ]);
  if (!layered) return new Map(entries);
  const even = new Map(entries.filter((_, index) => index % 2 === 0));
  const odd = new Map(entries.filter((_, index) => index % 2 === 1));
  return {
    size: even.size + odd.size,
    get: (name) => odd.get(name) ?? even.get(name),
    has: (name) => odd.has(name) || even.has(name),
    keys: () => [...even.keys(), ...odd.keys()].values(),
    values: () => [...even.values(), ...odd.values()].values(),
    [Symbol.iterator]: () => [...even, ...odd].values(),
  };
}

function perType<T>(make: (type: EnvoyType) => T): Record<EnvoyType, T> {
  return Object.fromEntries(envoyTypes.map((type) => [type, make(type)])) as Record<EnvoyType, T>;
}
