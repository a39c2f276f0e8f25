import { figure } from "./statistics.ts";

/** One line of the table: what was measured here, and what design.md §4 and §9 ask for. */
export interface BenchRow {
  readonly what: string;
  readonly value: number;
  readonly unit: "ms" | "KB" | "MB" | "µs" | "RU" | "documents";
  /** At most so much; none where the design names no figure. */
  readonly budget?: number;
}

export function tableOf(rows: readonly BenchRow[]): string {
  return alignColumns([
    ["WHAT", "HERE", "BUDGET", "RATIO"],
    ...rows.map(({ what, value, unit, budget }) => [
      what,
      `${figure(value)} ${unit}`,
      budget === undefined ? "" : `${budget} ${unit}`,
      budget === undefined ? "" : (value / budget).toFixed(2),
    ]),
  ]);
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
