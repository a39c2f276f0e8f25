import { alignColumns } from "../report.ts";
import { figure, medianOf } from "../statistics.ts";
import { type ContestantName, ours, peerNames } from "./contestants.ts";

export interface Measure {
  readonly what: string;
  /** Of `/s` more is better, of all others less. */
  readonly unit: "ms" | "µs" | "KB" | "/s";
  readonly budget?: number;
}

/** One line of the table: a value of each run, of each contestant that was measured. */
export interface ComparedRow extends Measure {
  readonly values: Readonly<Partial<Record<ContestantName, readonly number[]>>>;
}

/** Ours against a peer: below 1 is better, whatever the unit. */
function ratioTo(unit: Measure["unit"], own: number, other: number): number {
  return unit === "/s" ? other / own : own / other;
}

/** One ratio a run, to the leanest of the peers; none without it. */
export function ratiosOf({ unit, values }: ComparedRow): readonly number[] {
  const leanest = values.passthrough ?? [];
  return (values[ours] ?? []).flatMap((own, run) => {
    const other = leanest[run];
    return other === undefined ? [] : [ratioTo(unit, own, other)];
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
