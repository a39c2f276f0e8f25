import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { columns } from "./columns.ts";
import { createLiveTable } from "./live-table.ts";
import type { LiveCell, WalkProgress } from "./progress.ts";
import { rows } from "./rows.ts";
import { advance, emptyTable, paintPlain, renderTable } from "./table.ts";

const row = rows.find(({ id }) => id === "6") ?? rows[0];
assert.ok(row);

const seen: readonly LiveCell[] = columns.map(({ app }) => ({
  app,
  state: app === "mysql" ? "undecided" : app === "bookthief" ? "failed" : "ok",
  seen: `what ${app} did`,
  evidence: 412,
}));

const walked: readonly WalkProgress[] = [
  { kind: "row-started", row },
  { kind: "acknowledged", row, ackMs: 187, proxies: 6 },
  { kind: "observed", row, cells: seen },
  {
    kind: "row-ended",
    row,
    step: {
      name: `${row.id} ${row.title}`,
      ackMs: 187,
      cells: seen.map(({ app, seen: text, state }) => ({ app, expected: "something", seen: text, ok: state === "ok" })),
      problem: "the thief got away",
    },
  },
];

void test("renderTable() shows all rows from the start, and what is expected beside what is seen", () => {
  const before = renderTable(emptyTable(rows), 100, paintPlain);
  assert.equal(before.filter((line) => /^\d/.test(line)).length, rows.length + 1);
  const after = renderTable(walked.reduce(advance, emptyTable(rows)), 100, paintPlain);
  const line = after.find((text) => text.startsWith("6 ")) ?? "";
  assert.match(line, /^6 +187 ms +✓ ½ 412 +✗ ½ 412 +✓ ↑412 +✓ ↑412 +✓ ↑412 +… ↑412 +✓ closed$/);
  assert.ok(after.includes("6  split 50 / 50, at all proxies after 187 ms"));
  assert.match(after.join("\n"), /✗ thief +mixed \(50 % 503, 50 % bookstore-v1\) +what bookthief did/);
  assert.equal(after.at(-1), "✗ the thief got away");
});

void test("renderTable() never makes a line that wraps", () => {
  for (const width of [40, 80, 200]) {
    const lines = renderTable(walked.reduce(advance, emptyTable(rows)), width, paintPlain);
    for (const line of lines) assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`);
  }
});

void test("createLiveTable() paints over itself on a terminal", () => {
  const written: string[] = [];
  {
    using table = createLiveTable({ isTTY: true, columns: 100, write: (text) => written.push(String(text)) > 0 });
    for (const progress of walked) table.onProgress(progress);
  }
  const height = (text: string | undefined): number => (text ?? "").split("\n").length - 1;
  assert.ok(written[1]?.startsWith(`\u001b[${height(written[0])}A\r`));
  assert.equal(written.at(-1), "\u001b[?25h");
});

void test("createLiveTable() writes plain lines elsewhere, of what is known for good", () => {
  const written: string[] = [];
  using table = createLiveTable({ write: (text) => written.push(String(text)) > 0 });
  for (const progress of walked) table.onProgress(progress);
  const text = written.join("");
  assert.equal(text, stripVTControlCharacters(text));
  const lines = text.trimEnd().split("\n");
  assert.deepEqual(lines.slice(0, 4), [
    "6  split 50 / 50",
    "    acknowledged by 6 proxies after 187 ms",
    "  ✗ the thief got away",
    "  ✓ bookbuyer      expected something; seen what bookbuyer did",
  ]);
  assert.equal(lines.at(-1), "    NOT as expected");
});
