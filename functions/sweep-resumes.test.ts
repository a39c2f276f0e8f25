import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import { emptyTrie, type Trie, trieOf } from "../shared/core/trie/trie.ts";
import type { Container, DocumentStore } from "../shared/ports/document-store.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { createBlockStore } from "../shared/store/block-store.ts";
import {
  blockPartitions,
  type Point,
  type Served,
  type SweepProgress,
  versionedId,
} from "../shared/store/documents.ts";
import { startPublishingCluster } from "../test/support/publishing-cluster.ts";
import { createStorageSweep } from "./sweep-storage.ts";

const day = 24 * 3600 * 1000;
const strays = 500;
/** Reads of a call beside its steps: the places of all partitions, once more where the run ends. */
const overhead = 2 * 256;

function stateOf(version: number): Trie {
  return trieOf([[`/Service/shop/s${version}`, JSON.stringify({ version })]]);
}

/** A cluster with a long history of small states, a large state now, and blocks that nobody needs. */
async function start({ clusters = ["test"], versions = 100 } = {}) {
  const clock = { now: Date.parse("2026-01-01T00:00:00Z") };
  const documents = createMemoryDocumentStore(() => clock.now);
  const world = { reads: 0, killedIn: Number.POSITIVE_INFINITY };
  const beats = (): void => {
    if (--world.killedIn < 0) throw new MeshError("unavailable", "the process is gone");
  };
  const counting: DocumentStore = {
    ...documents,
    async get<Body>(container: Container, partition: string, id: string) {
      beats();
      if (container === "blocks") world.reads++;
      return documents.get<Body>(container, partition, id);
    },
    async put(container, document) {
      beats();
      await documents.put(container, document);
    },
    async batch(container, operations) {
      beats();
      await documents.batch(container, operations);
    },
  };
  const large = trieOf(
    Array.from({ length: 150 }, (_, index) => [`/Pod/shop/p${index}`, JSON.stringify("x".repeat(17_000))] as const),
  );
  const { functions, warnings } = await startPublishingCluster({
    documents: counting,
    now: () => new Date(clock.now),
  });
  for (const cluster of clusters) await fill(documents, cluster, { large, versions });
  clock.now += 10 * day;
  return Object.assign(world, {
    clock,
    documents,
    large,
    versions,
    warnings,
    /** Of a process that has just begun. */
    sweep: (steps: number) => createStorageSweep(functions.parts, { steps })(),
    progress: async (cluster = "test") => (await documents.get<SweepProgress>("clusters", cluster, "sweep"))?.body,
    async ids(container: Container, partition: string) {
      return (await documents.sweeping?.marks(container, partition, { after: "", limit: 100_000 }))?.map(
        ({ id }) => id,
      );
    },
  });
}

async function fill(
  documents: DocumentStore,
  cluster: string,
  { large, versions }: { readonly large: Trie; readonly versions: number },
): Promise<void> {
  const blocks = createBlockStore(documents, cluster);
  const servedOf = (state: Trie): Served => ({
    root: emptyTrie.root,
    state: state.root,
    policyVersion: 0,
    settingsVersion: 0,
    translator: 1,
  });
  for (let version = 1; version <= versions; version++) {
    const state = stateOf(version);
    await blocks.putTrie(state);
    const point: Point = { version, served: servedOf(state), causes: [], time: "2026-01-01T00:00:00Z" };
    await documents.put("clusters", { id: versionedId("point", version), partition: cluster, body: point });
  }
  await blocks.putTrie(large);
  for (let stray = 0; stray < strays; stray++) {
    const partition = blockPartitions(cluster)[stray % 256] ?? "";
    await documents.put("blocks", { id: `stray-${stray}`, partition, body: { texts: [] } });
  }
  const head = {
    incarnation: "one",
    version: versions,
    applied: { epoch: 1, seq: 1 },
    state: large.root,
    served: servedOf(large),
    refused: { count: 0, newest: [] },
    writeId: "",
    sweepFloor: 0,
  };
  await documents.put("clusters", { id: "head", partition: cluster, body: head });
}

type World = Awaited<ReturnType<typeof start>>;

async function assertSwept(world: World, cluster = "test"): Promise<void> {
  const blocks = createBlockStore(world.documents, cluster);
  for (let version = 1; version <= world.versions; version++) await blocks.loadTrie(stateOf(version).root);
  await blocks.loadTrie(world.large.root);
  for (const partition of blockPartitions(cluster))
    assert.ok(!(await world.ids("blocks", partition))?.some((id) => id.startsWith("stray")));
}

test("a run of many short calls reads each block once, although processes die in the middle of them", async () => {
  const world = await start({ versions: 1200 });
  let [calls, total, ended] = [0, 0, false];
  for (; !ended && calls < 200; calls++) {
    world.reads = 0;
    world.killedIn = calls % 5 === 4 ? 90 : Number.POSITIVE_INFINITY;
    await world.sweep(100);
    world.killedIn = Number.POSITIVE_INFINITY;
    assert.ok(world.reads <= 100 + overhead, `${world.reads} reads in one call`);
    total += world.reads;
    const progress = await world.progress();
    ended = progress !== undefined && progress.run === undefined;
  }
  assert.ok(calls > 20 && ended, `${calls} calls`);
  await assertSwept(world);
  assert.ok(world.warnings.length > 5, "processes died");
  const blocks = world.versions + [...world.large.bundles()].length;
  const placesOfCalls = 256 * calls;
  assert.ok(total < blocks * 1.5 + placesOfCalls, `${total} reads of ${blocks} blocks`);
  const left = (await world.ids("clusters", "test"))?.filter((id) => id.startsWith("sweep"));
  assert.deepEqual(left, ["sweep"], "no page stays");
});

test("a page that is gone begins the run anew", async () => {
  const world = await start();
  for (let call = 0; call < 5; call++) await world.sweep(60);
  const { started, pages } = (await world.progress())?.run ?? {};
  const [page] = pages ?? [];
  assert.ok(page);
  const etag = (await world.documents.get("clusters", "test", page))?.etag ?? "";
  await world.documents.sweeping?.remove("clusters", "test", { id: page, etag });
  world.clock.now += 1000;
  await world.sweep(60);
  assert.notEqual((await world.progress())?.run?.started, started);
  await world.sweep(1_000_000);
  await assertSwept(world);
});

test("clusters take turns, also where one of them cannot be swept", async () => {
  const world = await start({ clusters: ["test", "b"] });
  const root = blockPartitions("test").map(async (partition) => {
    const mark = (await world.documents.sweeping?.marks("blocks", partition, { after: "", limit: 100_000 }))?.find(
      ({ id }) => id === world.large.root,
    );
    if (mark !== undefined) await world.documents.sweeping?.remove("blocks", partition, mark);
  });
  await Promise.all(root);
  for (let call = 0; call < 12; call++) {
    world.clock.now += 1000;
    await world.sweep(300);
  }
  await assertSwept(world, "b");
  assert.ok(world.warnings.length > 0);
  assert.ok(
    (await world.ids("blocks", blockPartitions("test")[0] ?? ""))?.some((id) => id.startsWith("stray")),
    "it is damaged",
  );
});
