import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { readData } from "../../gateway/kubernetes/kept-data.ts";
import { applyObjects } from "../../local/demo/apply-objects.ts";
import { localCluster, localMeshName, localNamespace } from "../../local/names.ts";
import { connectFakeProxy, type FakeProxy, type HeldResources } from "../../local/proxies/fake-proxy.ts";
import type { ManifestObject } from "../../local/scenarios/bookstore/manifests.ts";
import { type LocalMesh, startLocalMesh } from "../../local/start-local-mesh.ts";
import { createCosmosDocumentStore } from "../../shared/adapters/azure/cosmos.ts";
import { readHead } from "../../shared/store/cluster-store.ts";
import { type RunningPod, runPod } from "../feature/feature-proxy.ts";
import { meshConfig, namespace, service, trafficSplit } from "../support/build.ts";
import { type Progress, readProgress } from "../support/data-path/gateway-progress.ts";
import { eventually } from "../support/eventually.ts";

/** Two replicas of a gateway as processes; the one that publishes dies, or sleeps for longer than its Lease lasts. */

const gatewayEnv = { WEFT_LEASE_MS: "3000", WEFT_HEAD_READ_MS: "500", WEFT_SETTLE_MS: "200" };
const split = (first: number): ManifestObject =>
  written(trafficSplit("shop/split", { root: "server", backends: { v1: first, v2: 100 - first } }));
const shop = [
  { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } },
  namespace("shop"),
  namespace("osm-system", {}),
  meshConfig({ permissive: true, egress: false }),
  ...["server", "v1", "v2"].map((name) => service(`shop/${name}`, { ports: [{ port: 80, name: "http" }] })),
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "client", namespace: "shop" } },
].map(written);

function written(object: object): ManifestObject {
  const { metadata, spec, ...rest } = object as { metadata: Record<string, unknown>; spec?: Record<string, unknown> };
  delete metadata["creationTimestamp"];
  delete spec?.["clusterIPs"];
  return { ...rest, metadata, ...(spec && { spec }) } as unknown as ManifestObject;
}

interface World extends AsyncDisposable {
  readonly mesh: LocalMesh;
  readonly connect: (part: string, holding?: HeldResources) => FakeProxy;
  /** The part that holds the Lease, and the one that does not. */
  readonly roles: () => Promise<{ readonly leader: string; readonly other: string }>;
  /** Applies the split and waits until this proxy has it. */
  readonly weigh: (proxy: FakeProxy, first: number) => Promise<void>;
  readonly head: () => ReturnType<typeof readHead>;
  /** Each replica hears of a publication by itself: resolves when this one serves the newest. */
  readonly caughtUp: (part: string) => Promise<void>;
}

const partOf = (holder: string): string => (holder === "weft-gateway-1" ? "gateway-1" : "gateway");

async function startWorld(): Promise<World> {
  await using life = new AsyncDisposableStack();
  const mesh = life.use(
    await startLocalMesh({ pods: false, install: false, gateways: 2, gatewayEnv, say: () => undefined }),
  );
  const { client } = mesh;
  await applyObjects(client, shop);
  const pod: RunningPod = await runPod(client, { namespace: "shop", name: "client", account: "client" });
  const roots = await readData(client, { kind: "ConfigMap", namespace: localNamespace, name: "weft-roots" });
  const documents = createCosmosDocumentStore({
    connection: { connectionString: mesh.cosmos },
    database: localMeshName,
  });
  const lease = `/apis/coordination.k8s.io/v1/namespaces/${localNamespace}/leases/weft-publisher`;
  const head = (): ReturnType<typeof readHead> => readHead(documents, localCluster);
  const running = life.move();
  return {
    mesh,
    connect(part, holding) {
      const ready = mesh.parts().find(({ name }) => name === part)?.ready as { readonly xds: string };
      return connectFakeProxy({
        port: Number(ready.xds.slice(ready.xds.lastIndexOf(":") + 1)),
        roots: roots?.data["ca.crt"] ?? "",
        token: pod.token,
        serverName: "weft-gateway.weft-system.svc",
        nodeId: "shop/client",
        ...(holding && { holding }),
      });
    },
    roles: () =>
      eventually("a leader", async () => {
        const { spec } = await client.call<{ readonly spec: { readonly holderIdentity: string } }>({ path: lease });
        if (spec.holderIdentity === "") return undefined;
        const leader = partOf(spec.holderIdentity);
        return { leader, other: leader === "gateway" ? "gateway-1" : "gateway" };
      }),
    async weigh(proxy, first) {
      await applyObjects(client, [split(first)]);
      await eventually(`the weight ${first}`, async () =>
        JSON.stringify(proxy.held.route.get("shop/server/80")?.content ?? "").includes(`"weight":${first}`),
      );
    },
    head,
    async caughtUp(part) {
      await eventually(`${part} serves the newest snapshot`, async () => {
        const newest = await head();
        return newest !== undefined && (await progressOf(mesh, part)).version === newest.head.version;
      });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function progressOf(mesh: LocalMesh, part: string): Promise<Progress> {
  const ready = mesh.parts().find(({ name }) => name === part)?.ready as { readonly admin: string };
  return readProgress(ready.admin);
}

/** A proxy of the leader goes on with the other replica, which has nothing to tell it: it holds all that this one wants of it. */
async function moveProxy(world: World, proxy: FakeProxy, to: string): Promise<FakeProxy> {
  const moved = world.connect(to, proxy.held);
  await eventually("the proxy has acknowledged what the replica serves", async () => {
    const { proxies, version } = await progressOf(world.mesh, to);
    return proxies.some(({ acknowledged }) => acknowledged === version);
  });
  return moved;
}

function sentAgain(proxy: FakeProxy): readonly string[] {
  // Each replica makes certificates of its own: keys never leave it.
  return proxy.received.flat().filter((line) => line !== "secret identity");
}

const options = { timeout: 300_000 };

test(
  "the publisher is killed: the other publishes on, once, and sends its proxies nothing again",
  options,
  async () => {
    await using world = await startWorld();
    const { leader, other } = await world.roles();
    await using proxy = world.connect(leader);
    await world.weigh(proxy, 20);
    const before = await world.head();
    await world.caughtUp(other);
    await world.mesh.kill(leader);
    await using moved = await moveProxy(world, proxy, other);
    assert.deepEqual(sentAgain(moved), []);
    await world.weigh(moved, 70);
    assert.deepEqual(new Set(sentAgain(moved)), new Set(["route shop/server/80"]));
    assert.equal((await world.roles()).leader, other);
    const after = await world.head();
    assert.ok((after?.head.applied.epoch ?? 0) > (before?.head.applied.epoch ?? 0));
    await world.mesh.revive(leader);
    assert.equal(after?.head.version, (before?.head.version ?? 0) + 1, "one change, one publication");
  },
);

test(
  "a replica that is asked to end ends its streams with OK; its proxy goes on with the other and is sent nothing again",
  options,
  async () => {
    await using world = await startWorld();
    const { leader, other } = await world.roles();
    await using proxy = world.connect(leader);
    await world.weigh(proxy, 20);
    await world.caughtUp(other);
    const stopped = world.mesh.stop(leader);
    assert.equal((await proxy.ended).code, 0);
    await using moved = await moveProxy(world, proxy, other);
    assert.deepEqual(sentAgain(moved), []);
    await stopped;
    await world.weigh(moved, 70);
    assert.deepEqual(new Set(sentAgain(moved)), new Set(["route shop/server/80"]));
    const log = await readFile(join(world.mesh.runDir, `${leader}.log`), "utf8");
    assert.ok(!log.includes("not stopped in time"));
  },
);

test("the publisher sleeps for longer than its Lease: awake, it finds its epoch void", options, async () => {
  await using world = await startWorld();
  const { leader, other } = await world.roles();
  await using proxy = world.connect(other);
  await world.weigh(proxy, 20);
  const before = await world.head();
  signal(world, leader, "SIGSTOP");
  await world.weigh(proxy, 70);
  assert.equal((await world.roles()).leader, other);
  const during = await world.head();
  signal(world, leader, "SIGCONT");
  await world.weigh(proxy, 40);
  assert.equal((await world.roles()).leader, other, "the woken one takes nothing back");
  const after = await world.head();
  assert.equal(after?.head.applied.epoch, during?.head.applied.epoch, "nor does it publish in an epoch of its own");
  const log = await readFile(join(world.mesh.runDir, `${leader}.log`), "utf8");
  assert.ok(!log.includes(`"epoch":${after?.head.applied.epoch},`));
  assert.equal(after?.head.version, (before?.head.version ?? 0) + 2, "two changes, two publications");
});

function signal({ mesh }: World, part: string, name: NodeJS.Signals): void {
  const pid = mesh.parts().find((process) => process.name === part)?.pid;
  if (pid !== undefined) process.kill(pid, name);
}
