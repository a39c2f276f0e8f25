/** `npm run golden`: makes every file of test/golden anew but for what people write, and says which case and stage changed. */

import { readCases, rewriteCase } from "./case.ts";

let total = 0;
for (const one of await readCases()) {
  const changed = await rewriteCase(one);
  total += changed.length;
  for (const line of changed) process.stdout.write(`${one.name}: ${line}\n`);
}
process.stdout.write(total === 0 ? "nothing changed\n" : `${total} files; explain each difference, or it is a bug\n`);
