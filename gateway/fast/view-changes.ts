import type { ViewChange } from "../../shared/core/stream/view.ts";
import { type EnvoyType, envoyTypes } from "../../shared/core/xds/resource.ts";

/** Changes of a view or of a part of one; without a type that did not change. */
export type ViewChanges = readonly ViewChange[];

export const noChanges: ViewChanges = [];

/** Of one after the other. The arrays are shared by thousands of views, so one that says it all is taken as it is. */
export function mergeChanges(...parts: readonly (ViewChanges | undefined)[]): ViewChanges {
  const some = parts.filter((part) => part !== undefined && part.length > 0) as readonly ViewChanges[];
  const [first = noChanges, ...rest] = some;
  if (rest.every((part) => part === first)) return first;
  const names = new Map<EnvoyType, Set<string>>();
  for (const part of some) for (const change of part) addNames(names, change);
  return envoyTypes.flatMap((type) => changeOf(type, [...(names.get(type) ?? [])]));
}

export function changeOf(type: EnvoyType, names: readonly string[]): ViewChanges {
  return names.length === 0 ? noChanges : [{ type, names }];
}

function addNames(names: Map<EnvoyType, Set<string>>, change: ViewChange): void {
  const own = names.get(change.type) ?? new Set();
  names.set(change.type, own);
  for (const name of change.names) own.add(name);
}

/** What changed between the newest views of one class. */
export interface ViewHistory {
  /** A newer view; undefined: what differs from the one before is not known. */
  readonly add: (generation: number, changes: ViewChanges | undefined) => void;
  /** Between two generations; undefined when one of them is not among the newest. */
  readonly between: (from: number, to: number) => ViewChanges | undefined;
}

/** A stream takes each view as it comes, so it asks for what lies between the view it has acknowledged and the newest. */
const keptViews = 32;

export function createViewHistory(): ViewHistory {
  const generations: number[] = [];
  /** From the one before to this one. */
  const changes: ViewChanges[] = [];
  return {
    add(generation, since) {
      if (since === undefined) generations.length = changes.length = 0;
      generations.push(generation);
      changes.push(since ?? noChanges);
      if (generations.length <= keptViews) return;
      generations.shift();
      changes.shift();
    },
    between(from, to) {
      const [begin, end] = [generations.lastIndexOf(from), generations.lastIndexOf(to)];
      if (begin < 0 || end < begin) return undefined;
      return end === begin + 1 ? changes[end] : mergeChanges(...changes.slice(begin + 1, end + 1));
    },
  };
}
