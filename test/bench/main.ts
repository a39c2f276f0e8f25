import { parseArgs } from "node:util";
import { benchCompile } from "./compile.ts";
import { benchFastLane } from "./fast-lane.ts";
import { type BenchRow, tableOf } from "./report.ts";
import { benchStack } from "./stack.ts";
import { benchStorage } from "./storage.ts";
import { benchStream } from "./stream.ts";

const usage = `usage: npm run bench -- [--quick] [--output json]
  --quick   a tenth of the changes, fewer proxies: shows that it runs, not how fast`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    output: { type: "string", default: "text" },
    help: { type: "boolean", short: "h", default: false },
  },
});

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(): Promise<void> {
  const { quick } = values;
  const rows: BenchRow[] = [];
  for (const services of quick ? [1000] : [1000, 5000]) {
    say(`compiling ${services} services`);
    rows.push(benchCompile(services, quick ? 3 : 9), ...(await benchStorage(services)));
  }
  rows.push(...benchStream(quick ? 30 : 300));
  rows.push(...(await benchFastLane({ services: 100, classes: 100, followers: 400 }, quick ? 30 : 300)));
  if (!quick) rows.push(...(await benchFastLane({ services: 1000, classes: 1000, followers: 1000 }, 300)));
  const changes = quick ? 3 : 30;
  rows.push(...(await benchStack({ services: 100, proxies: quick ? [10, 40] : [10, 100, 400], changes, say })));
  if (!quick) rows.push(...(await benchStack({ services: 1000, proxies: [10, 100], changes, say })));
  process.stdout.write(values.output === "json" ? `${JSON.stringify(rows)}\n` : `${tableOf(rows)}\n`);
}

if (values.help) process.stdout.write(`${usage}\n`);
else await main();
