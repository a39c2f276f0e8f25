import { parseArgs } from "node:util";
import { type LocalMeshState, readStateFiles } from "./state-file.ts";

/** `npm run local:status`: the parts of every local mesh of this machine, with pid, address and state. */
interface PartStatus {
  readonly mesh: number;
  readonly part: string;
  readonly pid: number;
  readonly address: string;
  readonly state: "running" | "gone";
}

const { values } = parseArgs({ options: { output: { type: "string", default: "text" } } });
const parts = (await readStateFiles()).flatMap(statusOf);
if (values.output === "json") process.stdout.write(`${JSON.stringify(parts)}\n`);
else if (parts.length === 0) process.stdout.write("no local mesh is running: npm start\n");
else for (const line of table(parts)) process.stdout.write(`${line}\n`);

function statusOf({ pid: mesh, parts: list }: LocalMeshState): readonly PartStatus[] {
  return list.map(({ name, pid, address }) => ({
    mesh,
    part: name,
    pid,
    address,
    state: isRunning(pid) ? "running" : "gone",
  }));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function table(rows: readonly PartStatus[]): readonly string[] {
  const cells = [
    ["MESH", "PART", "PID", "STATE", "ADDRESS"],
    ...rows.map((row) => [String(row.mesh), row.part, String(row.pid), row.state, row.address]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
}
