import { setUp } from "../../local/data-plane/setup.ts";
import { applyObjects } from "../../local/demo/apply-objects.ts";
import { type LocalMesh, startLocalMesh } from "../../local/start-local-mesh.ts";
import { runPod, setPodStatus } from "../feature/feature-proxy.ts";
import { barsOf, memoryBar } from "./design-bars.ts";
import { meshObjects, serviceName, split } from "./mesh-objects.ts";
import { cpuTimeOf, memoryOf } from "./process-usage.ts";
import { gatherCrowd, type ProxyCrowd } from "./proxy-crowd.ts";
import { type RealEnvoys, startRealEnvoys } from "./real-envoys.ts";
import type { BenchRow } from "./report.ts";
import { spreadOf } from "./statistics.ts";

export interface StackBenchOptions {
  readonly services: number;
  /** Ascending. */
  readonly proxies: readonly number[];
  /** Of each kind of change. */
  readonly changes: number;
  /** Real proxies beside the simulated ones; none where Envoy or the right to give it a network of its own is missing. */
  readonly envoys: number;
  readonly say: (line: string) => void;
}

/** The whole system as processes on this machine, with simulated proxies: a change is timed from the API write to the last proxy that has it. */
export async function benchStack(options: StackBenchOptions): Promise<readonly BenchRow[]> {
  const { services, proxies, changes, say } = options;
  await using mesh = await startLocalMesh({ pods: false, install: false, say: () => undefined });
  say(`${services} services`);
  await applyObjects(mesh.client, meshObjects(services));
  const xdsPort = Number(new URL(`tls://${gatewayOf(mesh).xds}`).port);
  await runPod(mesh.client, lonely);
  await using crowd = await gatherCrowd({ kubeconfig: mesh.kubeconfig, xdsPort, services });
  const rows: BenchRow[] = [];
  await using envoys = await findEnvoys(mesh, { xdsPort, count: options.envoys, say });
  const everybody: Everybody = { crowd, envoys };
  const flips = flipsOf(mesh);
  for (const count of proxies) {
    say(`${services} services, ${count} proxies`);
    await crowd.grow(count);
    rows.push(...(await measure(mesh, everybody, { services, changes, flips })));
  }
  return rows;
}

/** A pod without a proxy, the only one at its address: whether it is ready shows in the assignment. */
const lonely = {
  namespace: "shop",
  name: "lonely",
  account: serviceName(3),
  labels: { app: serviceName(3) },
  address: "127.0.0.9",
};

/** Each call is a change of what the one before left, whoever counts. */
interface Flips {
  readonly endpoint: () => Promise<void>;
  readonly weight: () => Promise<void>;
}

function flipsOf({ client }: LocalMesh): Flips {
  let ready = true;
  let weight = 90;
  return {
    endpoint() {
      ready = !ready;
      return setPodStatus(client, lonely, { ready, address: lonely.address });
    },
    weight() {
      weight = 100 - weight;
      return applyObjects(client, [split(weight)]);
    },
  };
}

interface Everybody {
  readonly crowd: ProxyCrowd;
  readonly envoys: RealEnvoys | undefined;
}

async function findEnvoys(
  mesh: LocalMesh,
  { xdsPort, count, say }: { readonly xdsPort: number; readonly count: number; readonly say: (line: string) => void },
): Promise<RealEnvoys | undefined> {
  if (count === 0) return undefined;
  const found = await setUp({ environment: process.env, install: false, report: () => undefined });
  if (!found.ok) {
    say(`no real Envoys: ${found.problems.join("; ")}`);
    return undefined;
  }
  say(`starting ${count} Envoys`);
  return startRealEnvoys({ client: mesh.client, xdsPort, binary: found.envoy.path, count });
}

async function measure(
  mesh: LocalMesh,
  everybody: Everybody,
  { services, changes, flips }: { readonly services: number; readonly changes: number; readonly flips: Flips },
): Promise<readonly BenchRow[]> {
  const count = everybody.crowd.proxies.length;
  const endpoint = await timed(mesh, everybody, {
    changes,
    resource: `endpoint shop/${serviceName(3)}/80/all`,
    change: flips.endpoint,
  });
  const weight = await timed(mesh, everybody, {
    changes,
    resource: `route shop/${serviceName(0)}/80`,
    change: flips.weight,
  });
  const title = (what: string): string => `${what}, ${services} services, ${count} proxies`;
  const size = { services, proxies: count };
  return [
    ...rowsOf(title("endpoint"), endpoint, barsOf("endpoint", size)),
    ...rowsOf(title("split weight"), weight, barsOf("weight", size)),
    {
      what: title("gateway, resident memory"),
      value: memoryOf(gatewayOf(mesh).pid),
      unit: "MB",
      ...(count === 400 && services === 100 && memoryBar),
    },
  ];
}

interface Timed {
  /** Milliseconds to the last proxy, one a change. */
  readonly times: readonly number[];
  /** Milliseconds until the last real Envoy has answered. */
  readonly answers: readonly number[];
  /** KB to each proxy, a change. */
  readonly kilobytes: number;
  /** Milliseconds of the gateway's CPU, a change. */
  readonly cpu: number;
}

async function timed(
  mesh: LocalMesh,
  { crowd, envoys }: Everybody,
  what: {
    readonly changes: number;
    readonly resource: string;
    readonly change: () => Promise<void>;
  },
): Promise<Timed> {
  const { pid } = gatewayOf(mesh);
  await crowd.untilAll(what.resource, what.change); // the first one warms up
  const [bytes, cpu] = [crowd.receivedBytes(), cpuTimeOf(pid)];
  const times: number[] = [];
  const answers: number[] = [];
  for (let turn = 1; turn <= what.changes; turn++) {
    const begun = performance.now();
    const answered = envoys?.answered();
    times.push(await crowd.untilAll(what.resource, what.change));
    if (answered !== undefined) answers.push((await answered) - begun);
  }
  return {
    times,
    answers,
    kilobytes: (crowd.receivedBytes() - bytes) / 1000 / what.changes / crowd.proxies.length,
    cpu: (cpuTimeOf(pid) - cpu) / what.changes,
  };
}

function rowsOf(
  what: string,
  { times, answers, kilobytes, cpu }: Timed,
  bars: ReturnType<typeof barsOf>,
): readonly BenchRow[] {
  const all = spreadOf(times);
  const real = spreadOf(answers);
  const ofEnvoys: readonly BenchRow[] = [
    { what: `${what}: last Envoy's ACK, p50`, value: real.p50, unit: "ms" },
    { what: `${what}: last Envoy's ACK, p99`, value: real.p99, unit: "ms", worst: true },
  ];
  return [
    { what: `${what}: last proxy, p50`, value: all.p50, unit: "ms", ...bars.last },
    { what: `${what}: last proxy, p99`, value: all.p99, unit: "ms", worst: true },
    ...(answers.length > 0 ? ofEnvoys : []),
    { what: `${what}: to each proxy`, value: kilobytes, unit: "KB", ...bars.kilobytes },
    { what: `${what}: gateway's CPU`, value: cpu, unit: "ms", ...bars.cpu },
  ];
}

function gatewayOf(mesh: LocalMesh): { readonly pid: number; readonly xds: string } {
  const part = mesh.parts().find(({ name }) => name === "gateway");
  if (part === undefined) throw new Error("there is no gateway");
  return { pid: part.pid, xds: (part.ready as { readonly xds: string }).xds };
}
