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
  // Two rings: the n-th view is at n modulo their length.
  const generations: number[] = [];
  /** From the one before to this one. */
  const changes: ViewChanges[] = [];
  let count = 0;
  /** How many of the newest can be told apart. */
  let known = 0;
  const find = (generation: number): number | undefined => {
    for (let back = 1; back <= known; back++) {
      if (generations[(count - back) % keptViews] === generation) return count - back;
    }
    return undefined;
  };
  return {
    add(generation, since) {
      known = since === undefined ? 1 : Math.min(known + 1, keptViews);
      generations[count % keptViews] = generation;
      changes[count % keptViews] = since ?? noChanges;
      count += 1;
    },
    between(from, to) {
      const end = find(to);
      const begin = find(from);
      if (begin === undefined || end === undefined || end < begin) return undefined;
      if (end - begin === 1) return changes[end % keptViews]; // nearly always
      const steps = Array.from({ length: end - begin }, (_, step) => changes[(begin + 1 + step) % keptViews]);
      return mergeChanges(...steps);
    },
  };
}
