/** `node run-histories.ts <first> <last>`: runs the histories of these seeds, and prints a line for each that breaks a promise. */

import { simulate } from "./simulate.ts";

const [first = 1, last = first] = process.argv.slice(2).map(Number);

for (let seed = first; seed <= last; seed++) {
  const { violations } = await simulate(seed);
  if (violations.length === 0) continue;
  const replay = `WEFT_HISTORY=${seed} node --test test/simulation/histories.test.ts`;
  process.stdout.write(`${violations.join("; ")} (replay: ${replay})\n`);
}
