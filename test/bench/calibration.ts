import { createHash } from "node:crypto";
import { spreadOf } from "./statistics.ts";

/**
 * How long this machine takes for a fixed piece of work of the kinds that we do (objects, maps, text, hashes), in milliseconds: what rows without a
 * peer are compared with. It must not change, or the baseline means nothing.
 */
export function calibrate(): number {
  const times = Array.from({ length: 9 }, () => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  });
  return spreadOf(times).p50;
}

function work(): void {
  const objects = new Map<string, { readonly name: string; readonly weights: readonly number[] }>();
  for (let index = 0; index < 20_000; index++)
    objects.set(`service-${index}`, { name: `service-${index}`, weights: [index, index % 7, index % 11] });
  const text = JSON.stringify([...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const read = JSON.parse(text) as readonly (readonly [string, object])[];
  const hash = createHash("sha256");
  for (const [name] of read) hash.update(name).update(text.slice(0, 500));
  hash.digest();
}
