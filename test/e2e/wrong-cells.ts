import type { WalkResult } from "../../local/demo/walk.ts";

/** What was not as expected in a walk of the demo, a line each: rows that failed, and their cells. */
export function wrongCells(steps: WalkResult["steps"]): readonly string[] {
  return steps.flatMap(({ name, cells, problem }) => [
    ...(problem === undefined ? [] : [`${name}: ${problem}`]),
    ...cells
      .filter(({ ok }) => !ok)
      .map(({ app, expected, seen }) => `${name}: ${app} expected ${expected}, seen ${seen}`),
  ]);
}
