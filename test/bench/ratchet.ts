import { readFile, writeFile } from "node:fs/promises";
import { medianOf } from "./statistics.ts";

/**
 * What was reached is kept: the committed baseline holds a ratio a row, to a peer or to a loop that was measured in the same run, so that another
 * machine means little. Lower is better.
 */
export type Ratios = Readonly<Record<string, number>>;

/** One ratio a run. */
export type MeasuredRatios = ReadonlyMap<string, readonly number[]>;

export interface Regression {
  readonly row: string;
  /** Median of the runs. */
  readonly ratio: number;
  readonly baseline: number;
}

/** How much worse a row may be. */
const tolerance = 0.1;
/** With fewer, nothing is said. */
const runsNeeded = 3;

/** Rows that one side alone has are not compared: a short run has others, a new row no past. */
export function regressionsOf(measured: MeasuredRatios, baseline: Ratios): readonly Regression[] {
  return Object.entries(mediansOf(measured)).flatMap(([row, ratio]) => {
    const before = baseline[row];
    return before !== undefined && ratio > before * (1 + tolerance) ? [{ row, ratio, baseline: before }] : [];
  });
}

/** Of the rows that were measured often enough. */
export function mediansOf(measured: MeasuredRatios): Ratios {
  return Object.fromEntries(
    [...measured].flatMap(([row, runs]) => (runs.length < runsNeeded ? [] : [[row, medianOf(runs)]])),
  );
}

export type Section = "bench" | "bench:xds";

const file = new URL("baseline.json", import.meta.url);

/** Compares with the committed baseline, or writes it. What is worse is said and makes the process fail. */
export async function applyRatchet(
  section: Section,
  measured: MeasuredRatios,
  options: { readonly update: boolean; readonly say: (line: string) => void },
): Promise<void> {
  const all = JSON.parse(await readFile(file, "utf8")) as Readonly<Record<Section, Ratios>>;
  if (options.update) {
    const rows = Object.entries({ ...all[section], ...mediansOf(measured) }).map(([row, ratio]) => [
      row,
      rounded(ratio),
    ]);
    await writeFile(file, `${JSON.stringify({ ...all, [section]: Object.fromEntries(rows) }, undefined, 2)}\n`);
    options.say(`the baseline has ${rows.length} rows of ${section}`);
    return;
  }
  for (const { row, ratio, baseline } of regressionsOf(measured, all[section])) {
    const percent = ((ratio / baseline - 1) * 100).toFixed(0);
    options.say(`worse by ${percent} %: ${row}: ${rounded(ratio)}, baseline ${baseline}`);
    process.exitCode = 1;
  }
}

function rounded(ratio: number): number {
  return Number(ratio.toPrecision(4));
}
