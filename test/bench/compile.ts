import { compile } from "../../shared/core/compile.ts";
import { neighbours } from "./neighbours.ts";
import type { BenchRow } from "./report.ts";
import { spreadOf } from "./statistics.ts";

/** Milliseconds for everything: design.md §9, the second table. */
const bars: Readonly<Record<number, number>> = { 1000: 100, 5000: 500 };

/** State → snapshot, nothing remembered. */
export function benchCompile(services: number, runs: number): BenchRow {
  const objects = neighbours(services);
  const times = Array.from({ length: runs }, () => {
    const begun = performance.now();
    compile({ objects, settings: { smiSemantics: "osm" } });
    return performance.now() - begun;
  });
  const budget = bars[services];
  const { p50 } = spreadOf(times);
  return { what: `full compile, ${services} services, p50`, value: p50, unit: "ms", ...(budget && { budget }) };
}
