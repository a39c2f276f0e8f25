import { parseArgs } from "node:util";
import { calibrate } from "./calibration.ts";
import { benchCompile } from "./compile.ts";
import { benchFastLane } from "./fast-lane.ts";
import { benchFootprint } from "./footprint.ts";
import { benchManyEnvoys } from "./many-envoys.ts";
import { applyRatchet } from "./ratchet.ts";
import { type BenchRow, medianRows, ratioOf, tableOf } from "./report.ts";
import { benchStack } from "./stack.ts";
import { benchStorage } from "./storage.ts";
import { benchStream } from "./stream.ts";

const usage = `usage: npm run bench -- [--quick] [--runs N] [--only PART] [--envoys N] [--update-baseline] [--output json]
  --quick            a tenth of the changes, fewer proxies, once: shows that it runs, not how fast
  --runs             how often all is measured (3); the table has medians, and three are compared with the baseline
  --only             one part: compile, storage, stream, fast-lane, stack
  --envoys N         instead of all that: so many pods with real Envoys at once (root only)
  --update-baseline  what was measured is what later runs are held to (test/bench/baseline.json)`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    only: { type: "string" },
    envoys: { type: "string" },
    "update-baseline": { type: "boolean", default: false },
    output: { type: "string", default: "text" },
    help: { type: "boolean", short: "h", default: false },
  },
});

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Measures some rows. */
interface Part {
  readonly name: string;
  readonly run: () => readonly BenchRow[] | Promise<readonly BenchRow[]>;
}

function partsOf(quick: boolean): readonly Part[] {
  const sizes = quick ? [1000] : [1000, 5000];
  const compiled = quick ? sizes : [...sizes, 10_000];
  const changes = quick ? 3 : 30;
  const followers = quick ? 30 : 300;
  const stack = { changes, envoys: 4, say };
  return [
    ...compiled.map((services) => ({ name: "compile", run: () => benchCompile(services, quick ? 3 : 9) })),
    ...sizes.map((services) => ({ name: "storage", run: () => benchStorage(services) })),
    { name: "stream", run: () => benchStream(followers) },
    { name: "footprint", run: () => benchFootprint({ services: quick ? 100 : 1000, podsEach: 10, say }) },
    { name: "fast-lane", run: () => benchFastLane({ services: 100, classes: 100, followers: 400 }, followers) },
    ...(quick
      ? [{ name: "stack", run: () => benchStack({ ...stack, services: 100, proxies: [10, 40] }) }]
      : [
          {
            name: "fast-lane",
            run: () => benchFastLane({ services: 1000, classes: 1000, followers: 1000 }, followers),
          },
          { name: "stack", run: () => benchStack({ ...stack, services: 100, proxies: [10, 100, 400] }) },
          { name: "stack", run: () => benchStack({ ...stack, services: 1000, proxies: [10, 100] }) },
        ]),
  ];
}

function envoysPart(envoys: number): Part {
  return { name: "envoys", run: () => benchManyEnvoys({ envoys, changes: values.quick ? 2 : 10, say }) };
}

async function main(): Promise<void> {
  const runs = Number(values.runs ?? (values.quick || values.envoys !== undefined ? 1 : 3));
  const all = values.envoys === undefined ? partsOf(values.quick) : [envoysPart(Number(values.envoys))];
  const parts = all.filter(({ name }) => values.only === undefined || name === values.only);
  const measured: BenchRow[][] = [];
  const ratios = new Map<string, number[]>();
  for (let run = 1; run <= runs; run++) {
    const loop = calibrate();
    const rows: BenchRow[] = [];
    for (const part of parts) {
      say(`run ${run} of ${runs}: ${part.name}`);
      rows.push(...(await part.run()));
    }
    measured.push(rows);
    for (const row of rows) {
      if (row.worst !== true) ratios.set(row.what, [...(ratios.get(row.what) ?? []), ratioOf(row, loop)]);
    }
  }
  const rows = medianRows(measured);
  process.stdout.write(values.output === "json" ? `${JSON.stringify(rows)}\n` : `${tableOf(rows)}\n`);
  await applyRatchet("bench", ratios, { update: values["update-baseline"], say });
}

if (values.help) process.stdout.write(`${usage}\n`);
else await main();
