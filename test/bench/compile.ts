import { compile } from "../../shared/core/compile.ts";
import { httpRouteGroup, meshConfig, namespace, pod, service, stateOf, trafficTarget } from "../support/build.ts";
import type { BenchRow } from "./report.ts";
import { spreadOf } from "./statistics.ts";

/** Milliseconds for everything: design.md §9, the second table. */
const bars: Readonly<Record<number, number>> = { 1000: 100, 5000: 500 };

/** State → snapshot, nothing remembered; each service called by its neighbour. */
export function benchCompile(services: number, runs: number): readonly BenchRow[] {
  const names = Array.from({ length: services }, (_, index) => `s${index}`);
  const objects = stateOf([
    namespace("shop"),
    meshConfig({ permissive: false, egress: false }),
    httpRouteGroup("shop/all", [{ name: "any" }]),
    ...names.map((name) => service(`shop/${name}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }] })),
    ...names.map((name) => pod(`shop/${name}`)),
    ...names.map((name, index) =>
      trafficTarget(`shop/to-${name}`, {
        to: name,
        from: [`shop/${names[(index + 1) % services]}`],
        rules: [{ kind: "HTTPRouteGroup", name: "all", matches: ["any"] }],
      }),
    ),
  ]);
  const settings = { smiSemantics: "osm" } as const;
  const times = Array.from({ length: runs }, () => {
    const begun = performance.now();
    compile({ objects, settings });
    return performance.now() - begun;
  });
  const budget = bars[services];
  return [
    {
      what: `full compile, ${services} services, p50`,
      value: spreadOf(times).p50,
      unit: "ms",
      ...(budget && { budget }),
    },
  ];
}
