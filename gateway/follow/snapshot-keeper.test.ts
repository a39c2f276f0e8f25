import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createMemoryDocumentStore } from "../../shared/adapters/memory/document-store.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { type Trie, trieOf } from "../../shared/core/trie/trie.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { MeshSettingsInForce } from "../../shared/store/mesh-settings.ts";
import { meshConfig, namespace, pod, service, stateOf } from "../../test/support/build.ts";
import { openDiskContent } from "../disk/disk-content.ts";
import { openFileDisk } from "../disk/file-disk.ts";
import { openGatewayRecord } from "../disk/gateway-record.ts";
import { createKeptBlockStore } from "../disk/kept-block-store.ts";
import { snapshotOf } from "../fast/fast-fixture.ts";
import type { ServedSnapshot } from "./head-follower.ts";
import { startSnapshotKeeper } from "./snapshot-keeper.ts";

const settings: MeshSettingsInForce = { version: 0, policyVersion: 0, build: { smiSemantics: "osm" } };

/** A shop whose Service listens on a port of its own for each version. */
function shop(version: number): { readonly snapshot: ServedSnapshot; readonly state: Trie } {
  const objects = [
    namespace("shop"),
    meshConfig({ permissive: true, egress: false }),
    service("shop/cart", { ports: [{ port: version, targetPort: 8080, name: "http" }] }),
    pod("shop/cart"),
  ];
  return { snapshot: snapshotOf(version, objects), state: trieOf(stateOf(objects).map(stateEntry)) };
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "weft-keeper-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A keeper over a folder, as a gateway that starts opens it. The cloud holds nothing. */
async function open(
  folder: string,
  cloud: { settings: MeshSettingsInForce | Error; readonly courtesy?: number } = { settings },
) {
  const faults: string[] = [];
  let closed = false;
  let known = shop(1).state;
  const disk = openFileDisk(folder);
  const content = await openDiskContent(disk.within("content"));
  const record = await openGatewayRecord(disk, (error) => faults.push(String(error)));
  const blocks = createKeptBlockStore(createMemoryDocumentStore(), "one", content);
  const keeper = startSnapshotKeeper({
    content,
    record,
    blocks,
    keptBlocks: blocks,
    readSettings: () =>
      cloud.settings instanceof Error ? Promise.reject(cloud.settings) : Promise.resolve(cloud.settings),
    known: () => known,
    distance: 0,
    courtesy: cloud.courtesy ?? 0,
    fault: (error) => faults.push(String(error)),
  });
  return {
    keeper,
    record,
    faults,
    async kept(version: number): Promise<void> {
      const { snapshot, state } = shop(version);
      known = state;
      keeper.keep(snapshot);
      const isKept = (): boolean => closed || record.current().snapshots[0]?.version === version;
      while (!isKept()) await new Promise((resolve) => setImmediate(resolve));
      if (!closed) await record.written();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await keeper[Symbol.asyncDispose]();
      await record[Symbol.asyncDispose]();
    },
  };
}

function versionsIn({ resources }: ServedSnapshot): readonly string[] {
  return [...resources.keys()].sort();
}

test("a gateway finds the last snapshot whole, and the state that it was made of", async (t) => {
  const folder = await folderOf(t);
  {
    await using first = await open(folder);
    assert.equal(await first.keeper.last(), undefined);
    for (const version of [1, 2]) await first.kept(version);
  }
  await using second = await open(folder, { settings: new MeshError("unavailable", "the cloud is away") });
  const last = await second.keeper.last();
  const { snapshot } = shop(2);
  assert.ok(last);
  assert.deepEqual([last.version, last.served], [2, snapshot.served]);
  assert.equal(last.snapshot.index.root, snapshot.snapshot.index.root);
  assert.deepEqual(versionsIn(last), versionsIn(snapshot));
  assert.deepEqual(await second.keeper.settingsFor(last), settings, "the settings are kept too");
  assert.deepEqual(second.faults, []);
});

test("a damaged folder gives an older snapshot or none, never part of one", async (t) => {
  const folder = await folderOf(t);
  {
    await using first = await open(folder);
    for (const version of [1, 2, 3, 4]) await first.kept(version);
    assert.deepEqual(
      first.record.current().snapshots.map(({ version }) => version),
      [4, 3, 2],
    );
  }
  const packs = (await readdir(join(folder, "content"))).map((name) => join(folder, "content", name));
  const found = new Set<number | undefined>();
  for (const pack of packs) {
    const bytes = await readFile(pack);
    await writeFile(pack, "damaged");
    await using second = await open(folder);
    found.add((await second.keeper.last())?.version);
    await writeFile(pack, bytes);
  }
  assert.ok(found.has(3) && !found.has(1), String([...found]));
  await writeFile(join(folder, "record"), "half");
  await using third = await open(folder);
  assert.equal(await third.keeper.last(), undefined);
});

test("a process that is killed at any moment leaves a snapshot that is whole and no older than the last one told", async (t) => {
  const folder = await folderOf(t);
  const copies = await folderOf(t);
  await using running = await open(folder);
  await running.kept(1);
  let told = 1;
  const writing = (async () => {
    for (const version of [2, 3, 4, 5, 6]) {
      await running.kept(version);
      told = version;
    }
  })();
  let checked = 0;
  const copy = join(copies, "copy");
  for (let least = told; least < 6; checked++) {
    least = told;
    await rm(copy, { recursive: true, force: true });
    const copied = await cp(folder, copy, { recursive: true }).then(
      () => true,
      () => false,
    );
    if (!copied || told !== least) continue; // the copy is of two moments
    await using after = await open(copy);
    const found = await after.keeper.last();
    assert.ok(found !== undefined && found.version >= least, `version ${found?.version} after ${least}`);
    assert.deepEqual(versionsIn(found), versionsIn(shop(found.version).snapshot));
  }
  await writing;
  assert.ok(checked > 0);
});

test("what was compiled here is kept beside what came from the cloud, until it is let go", async (t) => {
  const folder = await folderOf(t);
  {
    await using first = await open(folder);
    await first.kept(1);
    first.keeper.keepLocal(shop(7));
    while (first.record.current().local === undefined) await new Promise((resolve) => setImmediate(resolve));
  }
  {
    await using second = await open(folder);
    assert.deepEqual([(await second.keeper.last())?.version, (await second.keeper.lastLocal())?.version], [1, 7]);
    second.keeper.keepLocal(undefined);
  }
  await using third = await open(folder);
  assert.deepEqual([(await third.keeper.last())?.version, await third.keeper.lastLocal()], [1, undefined]);
});

test("the head is remembered with its pin; one that lags or is of another cloud is not", async (t) => {
  const folder = await folderOf(t);
  const head: Head = {
    incarnation: "first",
    version: 3,
    applied: { epoch: 2, seq: 5 },
    state: shop(1).state.root,
    pin: { kind: "freeze", who: "ann", when: "2026-01-01T00:00:00Z", why: "a person asked for it" },
    refused: { count: 0, newest: [] },
    writeId: "w",
    sweepFloor: 0,
  };
  {
    await using first = await open(folder);
    const { pin: _, ...released } = head;
    first.keeper.onHead(head);
    first.keeper.onHead({ ...released, version: 2 });
    first.keeper.onHead({ ...released, applied: { epoch: 2, seq: 4 } });
    first.keeper.onHead({ ...released, incarnation: "second", version: 9 });
  }
  await using second = await open(folder);
  assert.deepEqual(second.record.current().head, head);
});

test("what a compile here needs is read when a snapshot comes, not when it is kept: by then the cloud may be away", async (t) => {
  const cloud: { settings: MeshSettingsInForce | Error; courtesy: number } = { settings, courtesy: 60_000 };
  await using gateway = await open(await folderOf(t), cloud);
  const { snapshot } = shop(1);
  gateway.keeper.keep(snapshot);
  await new Promise((resolve) => setImmediate(resolve));
  cloud.settings = new MeshError("unavailable", "the cloud is away");
  assert.deepEqual(await gateway.keeper.settingsFor(snapshot), settings);
  assert.equal(gateway.keeper.kept(), undefined);
});
