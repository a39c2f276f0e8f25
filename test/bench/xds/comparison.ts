import { alignColumns, ratioOf } from "../report.ts";
import { figure, medianOf } from "../statistics.ts";
import { type ContestantName, ours, peerNames } from "./contestants.ts";

export interface Measure {
  readonly what: string;
  /** Of `/s` more is better, of all others less. */
  readonly unit: "ms" | "µs" | "KB" | "/s";
  readonly budget?: number;
  /** No peer does the same. */
  readonly alone?: boolean;
}

/** One line of the table: a value of each run, of each contestant that was measured. */
export interface ComparedRow extends Measure {
  readonly values: Readonly<Partial<Record<ContestantName, readonly number[]>>>;
}

/** Ours against a peer: below 1 is better, whatever the unit. */
function ratioTo(unit: Measure["unit"], own: number, other: number): number {
  return unit === "/s" ? other / own : own / other;
}

/** One ratio a run: to the leanest of the peers, or to the calibration loop (milliseconds, one a run) where no peer does the same. */
export function ratiosOf({ unit, values, alone }: ComparedRow, loops: readonly number[]): readonly number[] {
  const own = values[ours] ?? [];
  if (alone === true) return own.map((value, run) => ratioOf({ unit, value }, loops[run] ?? Number.NaN));
  return own.flatMap((value, run) => {
    const other = values.passthrough?.[run];
    return other === undefined ? [] : [ratioTo(unit, value, other)];
  });
}

/** Medians, and in brackets how ours compares: 0.50 is half of the peer's (of a rate: twice). */
export function comparisonTable(rows: readonly ComparedRow[]): string {
  const peers = peerNames.filter((name) => rows.some(({ values }) => values[name] !== undefined));
  return alignColumns([
    ["WHAT", "WEFT", "BUDGET", ...peers.map((name) => `${name.toUpperCase()} (RATIO)`)],
    ...rows.map(({ what, unit, budget, values }) => {
      const own = medianOf(values[ours] ?? []);
      return [
        what,
        `${figure(own)} ${unit}`,
        budget === undefined ? "" : `${budget} ${unit}`,
        ...peers.map((name) => {
          const other = values[name];
          if (other === undefined) return "";
          return `${figure(medianOf(other))} (${ratioTo(unit, own, medianOf(other)).toFixed(2)})`;
        }),
      ];
    }),
  ]);
}
