import { type Problem, problemCatalogue, sortProblems } from "../../../shared/core/mesh/problem.ts";
import type { ClusterProblems, ProxyReport } from "../../../shared/store/documents.ts";

export interface ProblemsModel {
  readonly total: number;
  /** What proxies refuse first, then by object. At most 200. */
  readonly problems: readonly (Problem & { readonly whatToDo: string })[];
}

const shownProblems = 200;

/** What compiling found and what proxies refuse. A report repeats problems of compiling, which may be mended by now: those are taken from the compile only. Pure. */
export function buildProblems(compiled: ClusterProblems | undefined, report: ProxyReport | undefined): ProblemsModel {
  const refused = sortProblems((report?.problems ?? []).filter(({ code }) => code === "rejected-by-proxy"));
  const found = compiled?.problems ?? [];
  return {
    total: refused.length + Math.max(found.length, compiled?.total ?? 0),
    problems: [...refused, ...sortProblems(found)]
      .slice(0, shownProblems)
      .map((problem) => ({ ...problem, whatToDo: problemCatalogue[problem.code] })),
  };
}
