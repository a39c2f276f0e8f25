import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createFakeCluster, createFakeSecrets, type FakeCluster, snapshotOf } from "../../gateway/fast/fast-fixture.ts";
import { createProxyViews } from "../../gateway/fast/proxy-views.ts";
import type { ServedSnapshot } from "../../gateway/follow/head-follower.ts";
import { accountKey } from "../../shared/core/mesh/mesh.ts";
import { meshConfig, namespace, pod, service } from "../support/build.ts";
import type { BenchRow } from "./report.ts";

interface Crowd {
  readonly services: number;
  /** As many services have proxies here, of one class each. */
  readonly classes: number;
  readonly followers: number;
}

const endpointsOfService = 10;
const snapshots = 20;
/** Changes that are not counted. */
const warmUp = 10;

/** From an EndpointSlice to the views of all proxies, everyone reaching everything: no streams, no sockets. */
export async function benchFastLane(crowd: Crowd, changes: number): Promise<readonly BenchRow[]> {
  const names = Array.from({ length: crowd.services }, (_, index) => `s${index}`);
  const snapshot = permissive(names);
  const before = heapUsed();
  const { cluster, told, views } = gather(crowd, names, snapshot);
  const heap = heapUsed() - before;
  let begun = cpuTime();
  for (let turn = 0; turn < changes + warmUp; turn++) {
    if (turn === warmUp) begun = cpuTime();
    await nextTurn();
    putSlice(cluster, names[turn % names.length] ?? "", endpointsOfService - 1 - Math.floor(turn / names.length));
  }
  const each = (cpuTime() - begun) / changes;
  const expected = crowd.followers * (changes + warmUp + 1);
  if (told() !== expected) throw new Error(`${told()} views were told, not ${expected}`);
  begun = cpuTime();
  for (let version = 2; version < 2 + snapshots; version++) views.serve({ ...snapshot, version });
  const same = (cpuTime() - begun) / snapshots;
  views[Symbol.dispose]();
  const { services, classes, followers } = crowd;
  const title = `views of ${followers} proxies in ${classes} classes, ${services} services, permissive`;
  return [
    { what: `${title}: an endpoint`, value: each, unit: "µs" },
    { what: `${title}: an endpoint, each proxy`, value: each / followers, unit: "µs" },
    { what: `${title}: a snapshot that changes nothing`, value: same / 1000, unit: "ms" },
    { what: `${title}: heap`, value: heap / 2 ** 20, unit: "MB" },
  ];
}

function permissive(names: readonly string[]): ServedSnapshot {
  return snapshotOf(1, [
    namespace("shop"),
    meshConfig({ permissive: true, egress: false }),
    ...names.map(serviceOf),
    ...names.map((name) => pod(`shop/${name}`)),
  ]);
}

function serviceOf(name: string, index: number) {
  const clusterIP = `10.96.${index >> 8}.${index & 255}`;
  return service(`shop/${name}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }], clusterIP });
}

/** Every proxy is told the first view. */
function gather({ classes, followers }: Crowd, names: readonly string[], snapshot: ServedSnapshot) {
  const cluster = createFakeCluster(...names.map(serviceOf));
  const served = names.slice(0, classes);
  const views = createProxyViews({
    objects: { ...cluster, classOf: memoised(cluster.classOf) },
    secrets: createFakeSecrets(...served.map((name) => accountKey("shop", name))),
    compileClass: () => Promise.resolve(undefined),
    fault(error) {
      throw error;
    },
  });
  let told = 0;
  const listener = { view: () => void (told += 1), end: () => undefined };
  for (const name of names) {
    for (const member of membersOf(name, classes, followers))
      cluster.putPod(pod(`shop/${member}`, { account: name, labels: { app: name } }));
    putSlice(cluster, name, endpointsOfService);
  }
  views.serve(snapshot);
  for (const account of served)
    for (const name of membersOf(account, classes, followers))
      views.follow(
        { proxy: `shop/${name}`, namespace: "shop", pod: name, podUid: `uid-${name}`, serviceAccount: account },
        listener,
      );
  return { cluster, views, told: () => told };
}

function membersOf(name: string, classes: number, followers: number): readonly string[] {
  return Array.from({ length: Math.max(1, followers / classes) }, (_, index) =>
    index === 0 ? name : `${name}-${index}`,
  );
}

/** The first so many of its endpoints are ready. */
function putSlice(cluster: FakeCluster, name: string, ready: number): void {
  cluster.putSlice({
    name,
    service: `shop/${name}`,
    ports: [{ name: "http", port: 8080 }],
    endpoints: Array.from({ length: endpointsOfService }, (_, index) => ({
      ip: `10.1.${index}.${name.length}`,
      pod: name,
      conditions: { ready: index < ready },
    })),
  });
}

function memoised<Key, Value>(of: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>();
  return (key) => {
    const value = known.get(key) ?? of(key);
    known.set(key, value);
    return value;
  };
}

/** Microseconds of this thread, by a coarse clock: others on the machine do not count. */
function cpuTime(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}
