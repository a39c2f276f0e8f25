import type { LoadCommand } from "../support/data-path/apps/commands.ts";
import { skip } from "../support/data-path/machine.ts";
import {
  account,
  meshConfig,
  meshConfigNamespace,
  namespace,
  pod,
  routeGroup,
  service,
  type TestObject,
  trafficSplit,
  trafficTarget,
} from "../support/data-path/objects.ts";
import { drainSeconds, startTestMesh } from "../support/data-path/test-mesh.ts";
import type { BenchRow } from "./report.ts";
import { spreadOf } from "./statistics.ts";

export interface ManyEnvoysOptions {
  readonly envoys: number;
  /** Of each kind of change. */
  readonly changes: number;
  readonly say: (line: string) => void;
}

const ports = [{ name: "http-web", port: 80, targetPort: 8080 }];
const versions = ["store-v1", "store-v2"];

/** An application serves on until its endpoint is known to be gone, as applications in Kubernetes do. */
const storePod = (version: string, number: number): TestObject =>
  pod(`shop/${version}-${number}`, {
    account: version,
    labels: { app: version, tier: "store" },
    listen: { 8080: "http" },
    lingerMs: drainSeconds * 1000 + 1000,
  });

const split = (v1: number): TestObject =>
  trafficSplit("shop/store", { root: "store", backends: { "store-v1": v1, "store-v2": 100 - v1 } });

/**
 * As many pods with real Envoys at once as asked for (root only): half of them servers of two versions, the others clients, one of which sends requests
 * all the time while weights flip and pods are replaced. A change is timed until every proxy has acknowledged it.
 */
export async function benchManyEnvoys({ envoys, changes, say }: ManyEnvoysOptions): Promise<readonly BenchRow[]> {
  if (skip !== false) throw new Error(`no pods here: ${skip}`);
  await using mesh = await startTestMesh();
  const servers = Math.max(2, Math.floor(envoys / 2));
  const serverPods = Array.from({ length: servers }, (_, index) => storePod(versions[index % 2] ?? "", index));
  const clientPods = Array.from({ length: envoys - servers }, (_, index) =>
    pod(`shop/client-${index}`, { account: "client" }),
  );
  const timed = async (change: () => Promise<void>): Promise<number> => {
    const begun = performance.now();
    await change();
    return performance.now() - begun;
  };
  say(`starting ${envoys} pods with Envoys`);
  await mesh.apply(policies());
  const started = await timed(() => mesh.apply([...serverPods, ...clientPods]));

  const client = await mesh.pod("shop/client-0");
  const url = "http://store.shop.svc.cluster.local/";
  const kinds: readonly Omit<LoadCommand, "pauseMs">[] = [
    { name: "kept", request: { kind: "http", url, keepAlive: true }, workers: 3 },
    { name: "new", request: { kind: "http", url }, workers: 1 },
    { name: "slow", request: { kind: "http", url: `${url}slow/300`, keepAlive: true }, workers: 2 },
  ];
  const loads = await Promise.all(kinds.map((kind) => client.startLoad({ ...kind, pauseMs: 10 })));
  const [weights, pods]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < changes; turn++) {
    say(`change ${turn + 1} of ${changes}`);
    weights.push(await timed(() => mesh.apply([split(turn % 2 === 0 ? 90 : 10)])));
    const version = versions[turn % 2] ?? "";
    await mesh.apply([storePod(version, servers + turn)]);
    pods.push(await timed(() => mesh.remove([storePod(version, turn)])));
  }
  const tallies = await Promise.all(loads.map((load) => load.stop()));
  for (const failure of tallies.flatMap(({ failures }) => failures)) say(`failed: ${failure}`);
  const sum = (of: "failed" | "total"): number => tallies.reduce((all, tally) => all + tally[of], 0);
  const title = (what: string): string => `${envoys} Envoys: ${what}`;
  return [
    { what: title("pods started, all config acknowledged"), value: started, unit: "ms" },
    { what: title("split weight, until all have acknowledged, p50"), value: spreadOf(weights).p50, unit: "ms" },
    {
      what: title("split weight, until all have acknowledged, p99"),
      value: spreadOf(weights).p99,
      unit: "ms",
      worst: true,
    },
    {
      what: title("a server ends (it serves on for 3 s), all have acknowledged, p50"),
      value: spreadOf(pods).p50,
      unit: "ms",
    },
    { what: title("requests meanwhile"), value: sum("total"), unit: "requests" },
    { what: title("of these failed"), value: sum("failed"), unit: "requests", budget: 0 },
  ];
}

function policies(): readonly TestObject[] {
  return [
    namespace(meshConfigNamespace, { meshed: false }),
    meshConfig({}),
    namespace("shop"),
    ...[...versions, "client"].map((name) => account(`shop/${name}`)),
    service("shop/store", { selector: { tier: "store" }, ports }),
    ...versions.map((name) => service(`shop/${name}`, { selector: { app: name }, ports })),
    routeGroup("shop/routes", [{ name: "everything" }]),
    ...versions.map((version) =>
      trafficTarget(`shop/client-to-${version}`, {
        to: version,
        from: ["shop/client"],
        rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["everything"] }],
      }),
    ),
    split(50),
  ];
}
