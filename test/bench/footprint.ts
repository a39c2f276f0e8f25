import { setTimeout as pause } from "node:timers/promises";
import { applyObjects } from "../../local/demo/apply-objects.ts";
import { type LocalMesh, startLocalMesh } from "../../local/start-local-mesh.ts";
import { eachOf } from "../../shared/shell/each-of.ts";
import { runPod } from "../feature/feature-proxy.ts";
import { meshObjects, serviceName } from "./mesh-objects.ts";
import { cpuTimeOf, memoryOf } from "./process-usage.ts";
import type { BenchRow } from "./report.ts";

export interface FootprintOptions {
  readonly services: number;
  readonly podsEach: number;
  readonly say: (line: string) => void;
}

/** Pods made at once. */
const atOnce = 16;
/** Between two looks at a gateway that comes to rest. Milliseconds. */
const between = 2000;
/** CPU time in between that is no work: timers, and reads of the head. Milliseconds. */
const restMs = 60;

/** What a gateway process takes of the machine: empty, with a cluster's pods and no proxies, and when it starts into that cluster. */
export async function benchFootprint({ services, podsEach, say }: FootprintOptions): Promise<readonly BenchRow[]> {
  await using mesh = await startLocalMesh({ pods: false, install: false, say: () => undefined });
  const empty = await rowsOf(mesh, "gateway at start");
  say(`footprint: ${services} services of ${podsEach} pods`);
  await applyObjects(mesh.client, meshObjects(services));
  await runPods(mesh, services * podsEach, services);
  const what = `gateway, ${services} services of ${podsEach} pods`;
  const filled = await rowsOf(mesh, what);
  await mesh.kill("gateway");
  const begun = performance.now();
  await mesh.revive("gateway");
  const start: BenchRow = { what: `${what}: start to ready`, value: performance.now() - begun, unit: "ms" };
  return [...empty, ...filled, start, ...(await rowsOf(mesh, `${what}, started anew`))];
}

async function runPods({ client }: LocalMesh, pods: number, services: number): Promise<void> {
  await eachOf([...Array(pods).keys()], atOnce, async (index) => {
    const account = serviceName(index % services);
    const address = `10.64.${index >> 8}.${index & 255}`;
    await runPod(client, { namespace: "shop", name: `p${index}`, account, labels: { app: account }, address });
  });
}

/** When it does no more work. */
async function rowsOf(mesh: LocalMesh, what: string): Promise<readonly BenchRow[]> {
  const gateway = mesh.parts().find(({ name }) => name === "gateway");
  if (gateway === undefined) throw new Error("there is no gateway");
  for (let before = -1; cpuTimeOf(gateway.pid) - before > restMs; await pause(between)) before = cpuTimeOf(gateway.pid);
  return [
    { what: `${what}: resident memory`, value: memoryOf(gateway.pid), unit: "MB" },
    { what: `${what}: heap in use`, value: await heapOf(mesh.gatewayUrl), unit: "MB" },
  ];
}

async function heapOf(gatewayUrl: string): Promise<number> {
  const text = await (await fetch(`${gatewayUrl}/metrics`)).text();
  const bytes = /^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)?.[1];
  return Number(bytes) / 1e6;
}
