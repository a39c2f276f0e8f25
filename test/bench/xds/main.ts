import { parseArgs } from "node:util";
import { applyRatchet } from "../ratchet.ts";
import { type ComparedRow, comparisonTable, ratiosOf } from "./comparison.ts";
import { type ContestantName, contestantsOn, ours, peerNames, type StartContestant } from "./contestants.ts";
import { buildGoPrograms } from "./go-programs.ts";
import { createPinned, endOf, firstLine, type Pinned } from "./pinned.ts";
import { type LoadResults, quickFleet, type Scenario, scenariosOf, wholeFleet } from "./scenarios.ts";

const usage = `usage: npm run bench:xds -- [--quick] [--runs N] [--update-baseline] [--output json]
  --quick            small fleets, once: shows that it runs, not how fast
  --runs             how often all is measured, one contestant after the other (3)
  --update-baseline  what was measured is what later runs are held to (test/bench/baseline.json)`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    "update-baseline": { type: "boolean", default: false },
    output: { type: "string", default: "text" },
    help: { type: "boolean", short: "h", default: false },
  },
});

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Bench {
  readonly pinned: Pinned;
  readonly client: string;
  readonly start: StartContestant;
}

async function measure(bench: Bench, scenario: Scenario, name: ContestantName): Promise<LoadResults> {
  await using server = await bench.start(name, scenario.services);
  const port = scenario.tls ? server.tlsPort : server.port;
  const client = bench.pinned.start(1, [
    bench.client,
    `-address=127.0.0.1:${port}`,
    `-control=127.0.0.1:${server.control}`,
    `-services=${scenario.services}`,
    ...scenario.flags,
  ]);
  const results = await firstLine<LoadResults>(client);
  await endOf(client);
  return results;
}

async function main(): Promise<void> {
  const fleet = values.quick ? quickFleet : wholeFleet;
  const runs = Number(values.runs ?? (values.quick ? 1 : 3));
  const programs = await buildGoPrograms();
  if (programs === undefined) throw new Error("there is no Go here");
  const pinned = createPinned(fleet.many);
  for (const remark of pinned.remarks) say(remark);
  const bench = { pinned, client: programs.client, start: contestantsOn(pinned, programs) };
  const contestants: readonly ContestantName[] = [ours, ...peerNames];
  const rows = new Map<string, ComparedRow & { values: Partial<Record<ContestantName, number[]>> }>();
  for (let run = 1; run <= runs; run++) {
    for (const scenario of scenariosOf(fleet)) {
      for (const name of contestants) {
        say(`run ${run} of ${runs}: ${scenario.name}: ${name}`);
        const results = await measure(bench, scenario, name);
        for (const { of, ...measured } of scenario.measures) {
          const row = rows.get(measured.what) ?? { ...measured, values: {} };
          (row.values[name] ??= []).push(of(results));
          rows.set(measured.what, row);
        }
      }
    }
  }
  const compared = [...rows.values()];
  process.stdout.write(values.output === "json" ? `${JSON.stringify(compared)}\n` : `${comparisonTable(compared)}\n`);
  const ratios = new Map(compared.map((row) => [row.what, ratiosOf(row)]));
  await applyRatchet("bench:xds", ratios, { update: values["update-baseline"], say });
}

if (values.help) process.stdout.write(`${usage}\n`);
else await main();
