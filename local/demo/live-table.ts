import type { WriteStream } from "node:tty";
import { columns } from "./columns.ts";
import { isOk, type Step, type WalkProgress } from "./progress.ts";
import { rows as allRows, type Row } from "./rows.ts";
import { advance, emptyTable, paintAnsi, renderTable } from "./table.ts";

/** Where it is shown: a terminal, or anything else that takes text. */
export type Output = Pick<WriteStream, "write"> & Partial<Pick<WriteStream, "isTTY" | "columns" | "rows">>;

export interface LiveTable extends Disposable {
  readonly onProgress: (progress: WalkProgress) => void;
}

const defaultWidth = 80;
const [hideCursor, showCursor, clearBelow] = ["\u001b[?25l", "\u001b[?25h", "\u001b[J"];

/** Lines of a painted table beside its rows. */
const frameLines = 14;

/** Shows a walk: on a terminal a table that is painted over, elsewhere (and where it has no room) a line for whatever is known for good. */
export function createLiveTable(output: Output, rows: readonly Row[] = allRows): LiveTable {
  const hasRoom = (output.rows ?? Number.POSITIVE_INFINITY) >= rows.length + frameLines;
  return output.isTTY === true && hasRoom ? createPaintedTable(output, rows) : createPlainLines(output);
}

function createPaintedTable(output: Output, rows: readonly Row[]): LiveTable {
  let state = emptyTable(rows);
  let painted = 0;
  const repaint = (): void => {
    const lines = renderTable(state, output.columns ?? defaultWidth, paintAnsi);
    const up = painted === 0 ? hideCursor : `\u001b[${painted}A\r`;
    output.write(`${up}${clearBelow}${lines.join("\n")}\n`);
    painted = lines.length;
  };
  repaint();
  return {
    onProgress(progress) {
      state = advance(state, progress);
      repaint();
    },
    [Symbol.dispose]: () => void output.write(showCursor),
  };
}

function createPlainLines(output: Output): LiveTable {
  const say = (line: string): void => void output.write(`${line}\n`);
  return {
    onProgress(progress) {
      switch (progress.kind) {
        case "row-started":
          say(`${progress.row.id}  ${progress.row.title}`);
          return;
        case "acknowledged":
          say(`    acknowledged by ${progress.proxies} proxies after ${progress.ackMs} ms`);
          return;
        case "observed":
          return;
        case "row-ended":
          for (const line of describeStep(progress.step)) say(line);
      }
    },
    [Symbol.dispose]() {},
  };
}

function describeStep(step: Step): readonly string[] {
  const width = Math.max(...columns.map(({ app }) => app.length));
  return [
    ...(step.problem === undefined ? [] : [`  ✗ ${step.problem}`]),
    ...step.cells.map(
      ({ app, expected, seen, ok }) => `  ${ok ? "✓" : "✗"} ${app.padEnd(width)}  expected ${expected}; seen ${seen}`,
    ),
    `    ${isOk(step) ? "as expected" : "NOT as expected"}`,
  ];
}
