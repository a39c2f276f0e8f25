import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import { versionsOf } from "../shared/core/snapshot/snapshot.ts";
import type { Container, DocumentStore } from "../shared/ports/document-store.ts";
import { createBlockStore } from "../shared/store/block-store.ts";
import { blockPartitions, type Point } from "../shared/store/documents.ts";
import { meshConfig, namespace, pod, service, stateOf } from "../test/support/build.ts";
import { largePolicy } from "../test/support/large-policy.ts";
import { startPublishingCluster } from "../test/support/publishing-cluster.ts";
import { createStorageSweep, sweepDefaults } from "./sweep-storage.ts";

const day = 24 * 3600 * 1000;
const names = Array.from({ length: 24 }, (_, index) => `s${index}`);

/** A shop whose Services listen on these ports; 0: not there. */
function shop(ports: readonly number[]) {
  return stateOf([
    namespace("shop"),
    meshConfig({ permissive: true, egress: false }),
    pod("shop/web"),
    ...ports.flatMap((port, index) =>
      port === 0
        ? []
        : [
            service(`shop/${names[index]}`, { ports: [{ port, targetPort: 8080, name: "http" }] }),
            pod(`shop/${names[index]}`),
          ],
    ),
  ]);
}

/** A cluster with a clock, whose every list is a version. */
async function start(steps = sweepDefaults.steps) {
  const clock = { now: Date.parse("2026-01-01T00:00:00Z") };
  const documents = createMemoryDocumentStore(() => clock.now);
  const hooks = { beforeRemove: undefined as (() => Promise<void>) | undefined };
  const sweeping = documents.sweeping;
  assert.ok(sweeping);
  const hooked: DocumentStore = {
    ...documents,
    sweeping: {
      ...sweeping,
      async remove(container, partition, mark) {
        const { beforeRemove } = hooks;
        hooks.beforeRemove = undefined;
        await beforeRemove?.();
        return sweeping.remove(container, partition, mark);
      },
    },
  };
  const cluster = await startPublishingCluster({ documents: hooked, now: () => new Date(clock.now) });
  const sweep = createStorageSweep(cluster.functions.parts, { steps });
  let epoch = 0;
  return Object.assign(hooks, {
    ...cluster,
    clock,
    sweep,
    publish: (ports: readonly number[]) => cluster.functions.ingestEvents(cluster.list(++epoch, shop(ports))),
    async count(container: Container, partitions: readonly string[]) {
      let count = 0;
      for (const partition of partitions)
        count += (await sweeping.marks(container, partition, { after: "", limit: 10_000 })).length;
      return count;
    },
    blocks: () => createBlockStore(documents, "test"),
    points: () => documents.list<Point>("clusters", "test", { prefix: "point:", limit: 1000 }),
  });
}

type World = Awaited<ReturnType<typeof start>>;

/** State, index, sets and resources. */
async function assertLoads(world: World, served: Point["served"]): Promise<void> {
  const blocks = world.blocks();
  await blocks.loadTrie(served.state);
  const snapshot = await blocks.loadSnapshot(served.root);
  await blocks.loadResources(versionsOf(snapshot.index));
}

const all = (port: number) => names.map(() => port);

test("what only versions beyond the retention need goes, with their points and changes; the rest loads whole", async () => {
  const world = await start();
  for (const port of [80, 81, 82]) {
    await world.publish(all(port));
    world.clock.now += 10 * day;
  }
  const before = await world.count("blocks", blockPartitions("test"));
  world.clock.now += 15 * day;
  await world.sweep();
  assert.equal((await world.head()).sweepFloor, 2, "the second was in force when the retention began");
  assert.deepEqual(
    (await world.points()).map(({ version }) => version),
    [2, 3],
  );
  for (const { served } of await world.points()) await assertLoads(world, served);
  assert.ok((await world.count("blocks", blockPartitions("test"))) < before);
  assert.equal((await world.documents.list("changes", "test", { prefix: "change:", limit: 10 })).length, 2);
  assert.equal(await world.functions.pins.rollback("test", 2, { who: "ann", why: "a test" }), 4);
  await assert.rejects(world.functions.pins.rollback("test", 1, { who: "ann", why: "a test" }), /not kept/);
});

test("nothing young goes: it may belong to a write that is not finished", async () => {
  const world = await start();
  await world.publish(all(80));
  world.clock.now += 60 * day;
  const stray = { id: "stray", partition: blockPartitions("test")[7] ?? "", body: { texts: [] } };
  await world.documents.put("blocks", stray);
  world.clock.now += day;
  await world.sweep();
  assert.ok(await world.documents.get("blocks", stray.partition, "stray"));
  world.clock.now += day + 1000;
  await world.sweep();
  assert.equal(await world.documents.get("blocks", stray.partition, "stray"), undefined);
});

test("a call looks at so many documents, and the next goes on", async () => {
  const world = await start(40);
  for (const port of [80, 81]) await world.publish(all(port));
  world.clock.now += 60 * day;
  const before = await world.count("blocks", blockPartitions("test"));
  await world.sweep();
  assert.equal(await world.count("blocks", blockPartitions("test")), before, "it walks first");
  for (let call = 0; call < 20; call++) await world.sweep();
  assert.ok((await world.count("blocks", blockPartitions("test"))) < before);
  const [point, ...others] = await world.points();
  assert.ok(point !== undefined && others.length === 0);
  await assertLoads(world, point.served);
});

test("what is published while a run takes many calls stays, whatever it shares with what goes", async () => {
  const world = await start(150);
  for (const port of [80, 81, 82]) await world.publish(all(port));
  world.clock.now += 60 * day;
  await world.sweep();
  for (let call = 0; call < 12; call++) {
    await world.publish(all(80 + (call % 4)));
    await world.sweep();
    world.clock.now += 3600 * 1000;
  }
  assert.ok(
    (await world.points()).every(({ version }) => version > 2),
    "the run came to its end",
  );
  for (const { served, version } of await world.points()) if (version > 3) await assertLoads(world, served);
  const { served } = await world.head();
  assert.ok(served);
  await assertLoads(world, served);
  assert.deepEqual(world.warnings, []);
});

test("a publisher that comes back to old content while the sweep removes it loses nothing", async () => {
  const world = await start();
  await world.publish(all(80));
  await world.publish(all(81));
  world.clock.now += 60 * day;
  world.beforeRemove = () => world.publish(all(80));
  await world.sweep();
  const head = await world.head();
  assert.equal(head.version, 3);
  assert.ok(head.served);
  await assertLoads(world, head.served);
  await world.sweep();
  for (const { served } of await world.points()) await assertLoads(world, served);
});

test("few resources that stay are put into packs, packs that are mostly dead are remade, and no hash changes", async () => {
  const world = await start();
  await world.publish(all(80));
  for (let index = 0; index < names.length; index++)
    await world.publish(names.map((_, other) => (other <= index ? 81 : 80)));
  const singles = async () => {
    const { sweeping } = world.documents;
    const marks = await Promise.all(
      blockPartitions("test").map(async (partition) =>
        sweeping?.marks("blocks", partition, { after: "resource:", limit: 100 }),
      ),
    );
    return marks.flat().filter((mark) => mark?.id.startsWith("resource:")).length;
  };
  assert.ok((await singles()) >= 64);
  const { served } = await world.head();
  world.clock.now += 60 * day;
  for (let run = 0; run < 3; run++) {
    await world.sweep();
    world.clock.now += 3 * day;
    assert.deepEqual((await world.head()).served, served);
    for (const point of await world.points()) await assertLoads(world, point.served);
  }
  assert.equal(await singles(), 0);
});

test("a resource that lies in parts stays while it is needed, and goes with all of them", async () => {
  const world = await start();
  const web = service("shop/web", { ports: [{ port: 80, targetPort: 8080, name: "http" }] });
  const large = stateOf([namespace("shop"), pod("shop/web"), web, ...largePolicy()]);
  await world.functions.ingestEvents(world.list(1, large));
  const parts = async () => {
    const all: string[] = [];
    for (const partition of blockPartitions("test"))
      for (const { id } of (await world.documents.sweeping?.marks("blocks", partition, { after: "", limit: 1000 })) ??
        [])
        if (id.includes(".")) all.push(id);
    return all.length;
  };
  const [{ served }, written] = [await world.head(), await parts()];
  assert.ok(served !== undefined && written > 0);
  world.clock.now += 60 * day;
  await world.sweep();
  await assertLoads(world, served);
  assert.equal(await parts(), written);
  await world.functions.ingestEvents(world.list(2, shop([80])));
  world.clock.now += 60 * day;
  await world.sweep();
  assert.equal(await parts(), 0);
  assert.deepEqual(world.warnings, []);
});

const step = fc.oneof(
  fc.record({
    kind: fc.constant("publish" as const),
    ports: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 24, maxLength: 24 }),
  }),
  fc.record({ kind: fc.constant("edit" as const), at: fc.nat(23), port: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant("wait" as const), days: fc.constantFrom(1, 3, 9, 20) }),
  fc.record({ kind: fc.constantFrom("sweep" as const, "rollback" as const, "release" as const) }),
);

test("after any history and sweep, every version within retention and what is served load whole", async () => {
  const by = { who: "ann", why: "a test" };
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.constantFrom(100, 400, sweepDefaults.steps),
      async (steps, each) => {
        const world = await start(each);
        let ports = all(1);
        for (const one of [{ kind: "publish" as const, ports }, ...steps, { kind: "sweep" as const }]) {
          if (one.kind === "wait") world.clock.now += one.days * day;
          if (one.kind === "sweep") await world.sweep();
          if (one.kind === "publish") ports = [...one.ports];
          if (one.kind === "edit") ports = ports.with(one.at, one.port);
          if (one.kind === "publish" || one.kind === "edit") await world.publish(ports);
          const { version, sweepFloor, pin } = await world.head();
          if (
            one.kind === "rollback" &&
            (pin === undefined || pin.kind === "rollback") &&
            version > Math.max(1, sweepFloor)
          )
            await world.functions.pins.rollback("test", Math.max(1, sweepFloor), by);
          if (one.kind === "release" && pin !== undefined) await world.functions.pins.release("test", pin.kind, by);
        }
        const head = await world.head();
        const oldest = new Date(world.clock.now - sweepDefaults.retention).toISOString();
        const kept = (await world.points()).filter(
          ({ time, version }) => time >= oldest || version === head.sweepFloor,
        );
        for (const { served } of kept) await assertLoads(world, served);
        assert.ok(head.served);
        await assertLoads(world, head.served);
        await world.blocks().loadTrie(head.state);
        assert.deepEqual(world.warnings, []);
      },
    ),
    // A case is a whole history of a store.
    { numRuns: Math.ceil(Number(process.env["WEFT_CASES"] ?? 500) / 100) },
  );
});
