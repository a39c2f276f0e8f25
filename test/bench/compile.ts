import { type Compiler, compile, createCompiler } from "../../shared/core/compile.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { type Trie, trieOf } from "../../shared/core/trie/trie.ts";
import { meshConfig, pod, service, stateOf, trafficSplit } from "../support/build.ts";
import { movedGrant, neighbours } from "./neighbours.ts";
import type { BenchRow } from "./report.ts";
import { spreadOf } from "./statistics.ts";

/** Milliseconds for everything, and for one change beside what it affects: design.md §9, the second table. */
const bars: Readonly<Record<number, number>> = { 1000: 100, 5000: 500 };

const settings = { smiSemantics: "osm" } as const;

type Mode = "restrictive" | "permissive";

/** State → snapshot: everything with nothing remembered, then one change of each kind on what was compiled last. */
export function benchCompile(services: number, runs: number): readonly BenchRow[] {
  return (["restrictive", "permissive"] as const).flatMap((mode) => {
    const objects = clusterOf(services, mode);
    const what = `${services} services, ${mode}`;
    return [...fullRows(what, objects, { runs, budget: bars[services] }), ...changeRows(what, objects, runs * 20)];
  });
}

function fullRows(
  what: string,
  objects: readonly MeshObject[],
  { runs, budget }: { readonly runs: number; readonly budget: number | undefined },
): readonly BenchRow[] {
  const times = Array.from({ length: runs }, () => timed(() => compile({ objects, settings })));
  const { p50 } = spreadOf(times);
  return [
    { what: `full compile, ${what}, p50`, value: p50, unit: "ms", ...(budget !== undefined && { budget }) },
    { what: `full compile, ${what}, worst`, value: Math.max(...times), unit: "ms", worst: true },
  ];
}

function changeRows(what: string, objects: readonly MeshObject[], runs: number): readonly BenchRow[] {
  const compiler = createCompiler();
  let state = trieOf(objects.map(stateEntry));
  compiler.compile({ objects: state, settings });
  return Object.entries(changes).flatMap(([kind, versions]) => {
    const times = Array.from({ length: runs }, (_, run) => {
      state = state.with([versions[run % 2] ?? versions[0]]);
      return compileTimed(compiler, state);
    });
    const { p50 } = spreadOf(times);
    return [
      { what: `one ${kind} compiled, ${what}, p50`, value: p50 * 1000, unit: "µs" as const },
      {
        what: `one ${kind} compiled, ${what}, worst`,
        value: Math.max(...times) * 1000,
        unit: "µs" as const,
        worst: true,
      },
    ];
  });
}

/** The new state was hashed when the event was folded in. */
function compileTimed(compiler: Compiler, objects: Trie): number {
  if (objects.root === "") throw new Error("a root is never empty");
  return timed(() => compiler.compile({ objects, settings }).snapshot.index.root);
}

function timed(work: () => unknown): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

function clusterOf(services: number, mode: Mode): readonly MeshObject[] {
  const [config] = stateOf([meshConfig({ permissive: mode === "permissive", egress: false })]);
  return [
    ...neighbours(services).map((object) => (object.key.kind === config?.key.kind ? config : object)),
    ...stateOf([weights(50)]),
  ];
}

function weights(first: number) {
  return trafficSplit("shop/weights", { root: "s0", backends: { s1: first, s2: 100 - first } });
}

type Entry = readonly [key: string, value: string | undefined];

/** Two versions of one object each, that follow one another. */
const changes: Readonly<Record<string, readonly [Entry, Entry]>> = {
  Service: [entryOf(served([80, 81])), entryOf(served([80]))],
  TrafficTarget: [entryOf(movedGrant()), entryOf(neighbours(10).filter(({ key }) => key.name === "to-s5"))],
  "split weight": [entryOf(stateOf([weights(10)])), entryOf(stateOf([weights(90)]))],
  class: [entryOf(newClass()), [entryOf(newClass())[0], undefined]],
};

function served(ports: readonly number[]): readonly MeshObject[] {
  return stateOf([
    service("shop/s7", { ports: ports.map((port) => ({ port, targetPort: 8080, name: `http-${port}` })) }),
  ]);
}

/** Of pods that run as nobody did before. */
function newClass(): readonly MeshObject[] {
  const objects = stateOf([service("shop/s3", { ports: [80] }), pod("shop/s3", { account: "newcomer" })]);
  return objects.filter(({ key }) => key.kind === "WorkloadClass");
}

function entryOf([object]: readonly MeshObject[]): Entry {
  if (object === undefined) throw new Error("no object is changed");
  return stateEntry(object);
}
