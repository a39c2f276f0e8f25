import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeFlags } from "../../../gateway/node-flags.ts";
import { calibrate } from "../calibration.ts";
import { applyRatchet } from "../ratchet.ts";
import { type ComparedRow, comparisonTable, type Measure, ratiosOf } from "./comparison.ts";
import { type ContestantName, contestantsOn, ours, peerNames, type StartContestant } from "./contestants.ts";
import { buildGoPrograms } from "./go-programs.ts";
import { createPinned, endOf, firstLine, type Pinned } from "./pinned.ts";
import { type LoadResults, quickFleet, type Scenario, scenariosOf, wholeFleet } from "./scenarios.ts";
import type { SimulatedResults } from "./simulated-streams.ts";

const usage = `usage: npm run bench:xds -- [--quick] [--runs N] [--without-go] [--update-baseline] [--output json]
  --quick            small fleets, once: shows that it runs, not how fast
  --runs             how often all is measured, one contestant after the other (3)
  --without-go       ours alone, as where there is no Go
  --update-baseline  what was measured is what later runs are held to (test/bench/baseline.json)`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    "without-go": { type: "boolean", default: false },
    "update-baseline": { type: "boolean", default: false },
    output: { type: "string", default: "text" },
    help: { type: "boolean", short: "h", default: false },
  },
});

const slowClient = fileURLToPath(new URL("./load-client.ts", import.meta.url));
const simulation = fileURLToPath(new URL("./simulated-streams.ts", import.meta.url));

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Bench {
  readonly pinned: Pinned;
  readonly client: readonly string[];
  readonly start: StartContestant;
}

type Rows = Map<string, ComparedRow & { readonly values: Partial<Record<ContestantName, number[]>> }>;

function note(rows: Rows, name: ContestantName, measured: Measure & { readonly value: number }): void {
  const { value, ...measure } = measured;
  const row = rows.get(measure.what) ?? { ...measure, values: {} };
  const values = row.values[name] ?? [];
  row.values[name] = [...values, value];
  rows.set(measure.what, row);
}

async function measure(bench: Bench, scenario: Scenario, name: ContestantName): Promise<LoadResults> {
  await using server = await bench.start(name, scenario.services);
  const port = scenario.tls ? server.tlsPort : server.port;
  const client = bench.pinned.start(1, [
    ...bench.client,
    `--address=127.0.0.1:${port}`,
    `--control=127.0.0.1:${server.control}`,
    `--services=${scenario.services}`,
    ...(scenario.tls ? ["--tls"] : []),
    ...(scenario.sotw ? ["--sotw"] : []),
    ...scenario.flags,
  ]);
  const results = await firstLine<LoadResults>(client);
  await endOf(client);
  return results;
}

async function simulate(pinned: Pinned, rows: Rows): Promise<void> {
  const streams = values.quick ? 2_000 : 20_000;
  const child = pinned.start(0, [process.execPath, ...nodeFlags, simulation, String(streams)]);
  const { memory, push } = await firstLine<SimulatedResults>(child);
  await endOf(child);
  const of = `${streams.toLocaleString("en-US")} streams without a transport`;
  note(rows, ours, { what: `${of}: memory per idle stream`, unit: "KB", value: memory, alone: true });
  note(rows, ours, { what: `${of}: CPU per push and its ACK`, unit: "µs", value: push, alone: true });
}

async function main(): Promise<void> {
  const fleet = values.quick ? quickFleet : wholeFleet;
  const runs = Number(values.runs ?? (values.quick ? 1 : 3));
  const programs = values["without-go"] ? undefined : await buildGoPrograms();
  if (programs === undefined) say("no Go: ours alone, with a load client that is slower than the server");
  const pinned = createPinned(fleet.many);
  for (const remark of pinned.remarks) say(remark);
  const client = programs === undefined ? [process.execPath, slowClient] : [programs.client];
  const bench = { pinned, client, start: contestantsOn(pinned, programs) };
  const contestants: readonly ContestantName[] = programs === undefined ? [ours] : [ours, ...peerNames];
  const rows: Rows = new Map();
  const loops: number[] = [];
  for (let run = 1; run <= runs; run++) {
    loops.push(calibrate());
    for (const scenario of scenariosOf(fleet)) {
      for (const name of contestants) {
        if (name === "bare" && scenario.sotw) continue;
        say(`run ${run} of ${runs}: ${scenario.name}: ${name}`);
        const results = await measure(bench, scenario, name);
        for (const { of, ...one } of scenario.measures) note(rows, name, { ...one, value: of(results) });
      }
    }
    say(`run ${run} of ${runs}: simulated streams`);
    await simulate(pinned, rows);
  }
  const compared = [...rows.values()];
  process.stdout.write(values.output === "json" ? `${JSON.stringify(compared)}\n` : `${comparisonTable(compared)}\n`);
  const ratios = new Map(compared.map((row) => [row.what, ratiosOf(row, loops)]));
  await applyRatchet("bench:xds", ratios, { update: values["update-baseline"], say });
}

if (values.help) process.stdout.write(`${usage}\n`);
else await main();
