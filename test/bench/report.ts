import { figure, medianOf } from "./statistics.ts";

/** One line of the table: what was measured here, and what design.md §4 and §9 ask for. */
export interface BenchRow {
  readonly what: string;
  readonly value: number;
  readonly unit: "ms" | "KB" | "MB" | "µs" | "RU" | "documents" | "requests";
  /** At most so much; none where the design names no figure. */
  readonly budget?: number;
  /** What was published or measured of others, in the same unit. */
  readonly peers?: string;
  /** The worst of some, which is mostly chance: shown, and not held to the baseline. */
  readonly worst?: boolean;
}

export function tableOf(rows: readonly BenchRow[]): string {
  return alignColumns([
    ["WHAT", "HERE", "BUDGET", "RATIO", "PEERS"],
    ...rows.map(({ what, value, unit, budget, peers }) => [
      what,
      `${figure(value)} ${unit}`,
      budget === undefined ? "" : `${budget} ${unit}`,
      budget === undefined || budget === 0 ? "" : (value / budget).toFixed(2),
      peers ?? "",
    ]),
  ]);
}

/** One row for what was measured several times. */
export function medianRows(runs: readonly (readonly BenchRow[])[]): readonly BenchRow[] {
  const byRow = Map.groupBy(runs.flat(), ({ what }) => what);
  return [...byRow.values()].flatMap((same) => {
    const [first] = same;
    return first === undefined ? [] : [{ ...first, value: medianOf(same.map(({ value }) => value)) }];
  });
}

/** Time in passes of the calibration loop (milliseconds each); all else as it is, since a faster machine has no less of it. Less is better. */
export function ratioOf({ value, unit }: { readonly value: number; readonly unit: string }, loop: number): number {
  if (unit === "ms") return value / loop;
  return unit === "µs" ? value / 1000 / loop : value;
}

/** Text to the left, figures to the right. */
export function alignColumns(cells: readonly (readonly string[])[]): string {
  const columns = cells[0]?.map((_, column) => column) ?? [];
  const widths = columns.map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  "),
    )
    .join("\n");
}
