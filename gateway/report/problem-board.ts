import { type Problem, sortProblems } from "../../shared/core/mesh/problem.ts";
import { type ObjectKey, objectKeyText } from "../../shared/core/object.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { Refusal } from "./proxy-roster.ts";

/** All problems that stand, of compiling, of endpoints, of proxies and of guards, each on its object. */
export interface ProblemBoard {
  /** What compiling found. */
  readonly compiled: (problems: readonly Problem[]) => void;
  /** What is odd about endpoints. */
  readonly endpoints: (problems: readonly Problem[]) => void;
  /** What proxies refuse now; each lands on the objects that made the resource what it is. */
  readonly refusals: (refusals: readonly Refusal[], snapshot: ServedSnapshot | undefined) => void;
  /** What a guard holds. */
  readonly held: (problems: readonly Problem[]) => void;
  readonly standing: () => readonly Problem[];
}

const none = (): readonly Problem[] => [];

export function createProblemBoard(options: {
  readonly show: (problems: readonly Problem[]) => Promise<void>;
}): ProblemBoard {
  let compiled: readonly Problem[] = [];
  let endpoints: readonly Problem[] = [];
  let refused = none;
  let held: readonly Problem[] = [];
  let showing = Promise.resolve();
  let isDue = false;
  const standing = (): readonly Problem[] => sortProblems([...compiled, ...endpoints, ...refused(), ...held]);
  /** A thousand changes while one is shown are shown at once: as many proxies refuse in one moment. */
  const changed = (): void => {
    if (isDue) return;
    isDue = true;
    showing = showing.then(() => {
      isDue = false;
      return options.show(standing());
    });
  };
  return {
    compiled(problems) {
      compiled = problems;
      changed();
    },
    endpoints(problems) {
      endpoints = problems;
      changed();
    },
    refusals(refusals, snapshot) {
      refused = once(() => uniqueRefusals(refusals).flatMap((refusal) => problemsOf(refusal, snapshot)));
      changed();
    },
    held(problems) {
      if (JSON.stringify(problems) === JSON.stringify(held)) return;
      held = problems;
      changed();
    },
    standing,
  };
}

function problemsOf(
  { type, name, version, message }: Refusal,
  snapshot: ServedSnapshot | undefined,
): readonly Problem[] {
  const causes = uniqueCauses(snapshot?.resources.get(version)?.causes ?? []);
  // Without names of proxies: a thousand that say the same are one problem. Who they are is in /debug/proxies.
  const text = `Proxies refuse ${type} ${name}, made from this object, and stay on the last good version: ${message.replace(/\s+/g, " ").slice(0, 300)}`;
  return causes.map((object) => ({ code: "rejected-by-proxy", object, message: text }));
}

function uniqueRefusals(refusals: readonly Refusal[]): readonly Refusal[] {
  return [
    ...new Map(
      refusals.map((refusal) => [`${refusal.type} ${refusal.version} ${refusal.name} ${refusal.message}`, refusal]),
    ).values(),
  ];
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function uniqueCauses(causes: readonly ObjectKey[]): readonly ObjectKey[] {
  return [...new Map(causes.map((cause) => [objectKeyText(cause), cause])).values()];
}
