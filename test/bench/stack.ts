import { applyObjects } from "../../local/demo/apply-objects.ts";
import { type LocalMesh, startLocalMesh } from "../../local/start-local-mesh.ts";
import { setPodStatus } from "../feature/feature-proxy.ts";
import { meshObjects, serviceName, split } from "./mesh-objects.ts";
import { cpuTimeOf, memoryOf } from "./process-usage.ts";
import { gatherCrowd, type ProxyCrowd } from "./proxy-crowd.ts";
import type { BenchRow } from "./report.ts";
import { spreadOf } from "./statistics.ts";

export interface StackBenchOptions {
  readonly services: number;
  /** Ascending. */
  readonly proxies: readonly number[];
  /** Of each kind of change. */
  readonly changes: number;
  readonly say: (line: string) => void;
}

/** Milliseconds from the API write to the last of so many proxies: design.md §9, the first table. */
const bars: Readonly<Record<number, { readonly endpoint: number; readonly weight: number }>> = {
  10: { endpoint: 10, weight: 50 },
  100: { endpoint: 15, weight: 60 },
  400: { endpoint: 25, weight: 80 },
};

/** The whole system as processes on this machine, with simulated proxies: a change is timed from the API write to the last proxy that has it. */
export async function benchStack({ services, proxies, changes, say }: StackBenchOptions): Promise<readonly BenchRow[]> {
  await using mesh = await startLocalMesh({ pods: false, install: false, say: () => undefined });
  say(`${services} services`);
  await applyObjects(mesh.client, meshObjects(services));
  const xdsPort = Number(new URL(`tls://${gatewayOf(mesh).xds}`).port);
  await using crowd = await gatherCrowd({ kubeconfig: mesh.kubeconfig, xdsPort, services });
  const rows: BenchRow[] = [];
  for (const count of proxies) {
    say(`${services} services, ${count} proxies`);
    await crowd.grow(count);
    rows.push(...(await measure(mesh, crowd, { services, changes })));
  }
  return rows;
}

async function measure(
  mesh: LocalMesh,
  crowd: ProxyCrowd,
  { services, changes }: { readonly services: number; readonly changes: number },
): Promise<readonly BenchRow[]> {
  const count = crowd.proxies.length;
  const bar = bars[count];
  const pod = { namespace: "shop", name: "p3" };
  const endpoint = await timed(mesh, crowd, {
    changes,
    resource: `endpoint shop/${serviceName(3)}/80/all`,
    change: (turn) => setPodStatus(mesh.client, pod, { ready: turn % 2 === 1, address: "127.0.0.1" }),
  });
  const weight = await timed(mesh, crowd, {
    changes,
    resource: `route shop/${serviceName(0)}/80`,
    change: (turn) => applyObjects(mesh.client, [split(turn % 2 === 0 ? 10 : 90)]),
  });
  const title = (what: string): string => `${what}, ${services} services, ${count} proxies`;
  return [
    ...rowsOf(title("endpoint"), endpoint, { last: bar?.endpoint, kilobytes: 0.5, cpu: 20 }),
    ...rowsOf(title("split weight"), weight, { last: bar?.weight, kilobytes: 1, cpu: 30 }),
    {
      what: title("gateway, resident memory"),
      value: memoryOf(gatewayOf(mesh).pid),
      unit: "MB",
      ...(count === 400 && services === 100 && { budget: 160 }),
    },
  ];
}

interface Timed {
  /** Milliseconds to the last proxy, one a change. */
  readonly times: readonly number[];
  /** KB to each proxy, a change. */
  readonly kilobytes: number;
  /** Milliseconds of the gateway's CPU, a change. */
  readonly cpu: number;
}

async function timed(
  mesh: LocalMesh,
  crowd: ProxyCrowd,
  what: {
    readonly changes: number;
    readonly resource: string;
    readonly change: (turn: number) => Promise<void>;
  },
): Promise<Timed> {
  const { pid } = gatewayOf(mesh);
  await crowd.untilAll(what.resource, () => what.change(0)); // the first one warms up
  const [bytes, cpu] = [crowd.receivedBytes(), cpuTimeOf(pid)];
  const times: number[] = [];
  for (let turn = 1; turn <= what.changes; turn++)
    times.push(await crowd.untilAll(what.resource, () => what.change(turn)));
  return {
    times,
    kilobytes: (crowd.receivedBytes() - bytes) / 1000 / what.changes / crowd.proxies.length,
    cpu: (cpuTimeOf(pid) - cpu) / what.changes,
  };
}

function rowsOf(
  what: string,
  { times, kilobytes, cpu }: Timed,
  budget: { readonly last: number | undefined; readonly kilobytes: number; readonly cpu: number },
): readonly BenchRow[] {
  const { p50, p99 } = spreadOf(times);
  return [
    { what: `${what}: last proxy, p50`, value: p50, unit: "ms", ...(budget.last && { budget: budget.last }) },
    { what: `${what}: last proxy, p99`, value: p99, unit: "ms" },
    { what: `${what}: to each proxy`, value: kilobytes, unit: "KB", budget: budget.kilobytes },
    { what: `${what}: gateway's CPU`, value: cpu, unit: "ms", budget: budget.cpu },
  ];
}

function gatewayOf(mesh: LocalMesh): { readonly pid: number; readonly xds: string } {
  const part = mesh.parts().find(({ name }) => name === "gateway");
  if (part === undefined) throw new Error("there is no gateway");
  return { pid: part.pid, xds: (part.ready as { readonly xds: string }).xds };
}
