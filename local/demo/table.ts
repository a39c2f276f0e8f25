import { stripVTControlCharacters } from "node:util";
import { type AppName, columns } from "./columns.ts";
import { describeExpectation, type Expectation } from "./expectation.ts";
import type { LiveCell, Step, WalkProgress } from "./progress.ts";
import type { Row } from "./rows.ts";

/** All that the table shows. Changed by `advance` only. */
export interface TableState {
  readonly lines: readonly TableLine[];
  /** The row that is being watched, or was last. */
  readonly current: number;
}

export interface TableLine {
  readonly row: Row;
  readonly cells: ReadonlyMap<AppName, LiveCell>;
  readonly ackMs?: number;
  readonly step?: Step;
}

export function emptyTable(rows: readonly Row[]): TableState {
  return { lines: rows.map((row) => ({ row, cells: new Map() })), current: 0 };
}

export function advance(state: TableState, progress: WalkProgress): TableState {
  const current = state.lines.findIndex(({ row }) => row.id === progress.row.id);
  const lines = state.lines.map((line, index) => (index === current ? advanceLine(line, progress) : line));
  return { lines, current };
}

function advanceLine(line: TableLine, progress: WalkProgress): TableLine {
  switch (progress.kind) {
    case "row-started":
      return { row: line.row, cells: new Map() };
    case "acknowledged":
      return { ...line, ackMs: progress.ackMs };
    case "observed":
      return { ...line, cells: new Map(progress.cells.map((cell) => [cell.app, cell])) };
    case "row-ended":
      return { ...line, step: progress.step };
  }
}

/** How a text is set off; the default sets nothing off. */
export type Style = "ok" | "failed" | "faint" | "strong";
export type Paint = (style: Style, text: string) => string;

const codes: Readonly<Record<Style, number>> = { ok: 32, failed: 31, faint: 2, strong: 1 };
export const paintAnsi: Paint = (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m`;
export const paintPlain: Paint = (_style, text) => text;

const idWidth = 3;
const ackWidth = 8;
/** Wide enough for a title and a space, and with that the whole table for 80 columns. */
const leastCellWidth = 10;
const mostCellWidth = 14;

const legend = "↑ succeeds or serves · 403, 503, closed: only that · = serves nobody · ½ shares";

/** The rows with a cell for each app, and below it what the row at hand expects, beside what was seen. */
export function renderTable(state: TableState, width: number, paint: Paint): readonly string[] {
  const room = Math.floor((width - idWidth - ackWidth) / columns.length);
  const cellWidth = Math.min(Math.max(room, leastCellWidth), mostCellWidth);
  const head = ["".padEnd(idWidth), "ack".padEnd(ackWidth), ...columns.map(({ title }) => title.padEnd(cellWidth))];
  const lines = state.lines.map((line, index) => {
    const id = line.row.id.padEnd(idWidth);
    const ack = (line.ackMs === undefined ? "" : `${line.ackMs} ms`).padEnd(ackWidth);
    const cells = columns.map(({ app }) => renderCell(line, app, { cellWidth, paint }));
    return (index === state.current ? paint("strong", id) : id) + ack + cells.join("");
  });
  const current = state.lines[state.current];
  return [
    paint("strong", head.join("").trimEnd()),
    ...lines,
    paint("faint", legend),
    "",
    ...(current === undefined ? [] : renderDetails(current, paint)),
  ].map((line) => cut(line, width));
}

function renderCell(
  { row, cells }: TableLine,
  app: AppName,
  { cellWidth, paint }: { readonly cellWidth: number; readonly paint: Paint },
): string {
  const cell = cells.get(app);
  const text = `${markOf(cell)} ${shortForm(row.expected[app], cell?.evidence, cellWidth - 3)}`;
  const padded = app === columns.at(-1)?.app ? text : text.padEnd(cellWidth);
  if (cell === undefined || cell.state === "undecided") return paint("faint", padded);
  return paint(cell.state, padded);
}

function markOf(cell: LiveCell | undefined): string {
  if (cell === undefined) return " ";
  return { ok: "✓", undecided: "…", failed: "✗" }[cell.state];
}

/** What is expected, and how much of it was seen where there is room for both: `↑58`, `403×58`, `½ 412`. */
function shortForm(expectation: Expectation, evidence: number | undefined, room: number): string {
  const [symbol, full] = forms(expectation, evidence === undefined ? "" : String(evidence));
  return evidence === undefined || full.length > room ? symbol : full;
}

function forms(expectation: Expectation, count: string): readonly [symbol: string, full: string] {
  switch (expectation.kind) {
    case "increments":
      return ["↑", `↑${count}`];
    case "frozen":
      return expectation.side === "server"
        ? ["=", `=${count}`]
        : [expectation.denial, `${expectation.denial}×${count}`];
    case "split":
    case "mixed":
      return ["½", `½ ${count}`];
    case "absent":
      return ["–", "–"];
  }
}

function renderDetails({ row, cells, ackMs, step }: TableLine, paint: Paint): readonly string[] {
  const titleWidth = Math.max(...columns.map(({ title }) => title.length)) + 2;
  const expectations = columns.map(({ app }) => describeExpectation(row.expected[app]));
  const expectedWidth = Math.max(...expectations.map((text) => text.length)) + 2;
  const acknowledged = ackMs === undefined ? "" : `, at all proxies after ${ackMs} ms`;
  return [
    paint("strong", `${row.id}  ${row.title}${acknowledged}`),
    paint("faint", `  ${"".padEnd(titleWidth)}${"expected".padEnd(expectedWidth)}seen`),
    ...columns.map(({ app, title }, index) => {
      const cell = cells.get(app);
      const mark = markOf(cell);
      const painted = cell === undefined || cell.state === "undecided" ? mark : paint(cell.state, mark);
      const expected = (expectations[index] ?? "").padEnd(expectedWidth);
      return `${painted} ${title.padEnd(titleWidth)}${expected}${cell?.seen ?? ""}`.trimEnd();
    }),
    ...(step?.problem === undefined ? [] : [paint("failed", `✗ ${step.problem}`)]),
  ];
}

/** A line that wraps would break the repainting. */
function cut(line: string, width: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= width ? line : `${plain.slice(0, width - 1)}…`;
}
