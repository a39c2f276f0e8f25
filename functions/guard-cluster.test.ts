import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshObject } from "../shared/core/object.ts";
import type { PinAct } from "../shared/store/documents.ts";
import { meshConfig, namespace, pod, service, stateOf } from "../test/support/build.ts";
import { startPublishingCluster, trieOfObjects } from "../test/support/publishing-cluster.ts";

const by = { who: "ann", why: "they are really gone" };
const services = stateOf(
  ["a", "b", "c", "d"].map((name) =>
    service(`shop/${name}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }] }),
  ),
);
const rest = stateOf([namespace("shop"), meshConfig({ permissive: true, egress: false }), pod("shop/web")]);
const shop: readonly MeshObject[] = [...rest, ...services];

/** A cluster that serves version 1. */
async function start() {
  const cluster = await startPublishingCluster();
  await cluster.functions.ingestEvents(cluster.list(1, shop));
  return Object.assign(cluster, {
    acts: () => cluster.documents.list<PinAct>("changes", "test", { prefix: "pin:", limit: 10 }),
  });
}

test("an empty list is held: the head goes on serving, the publisher is answered, a person releases it", async () => {
  const cluster = await start();
  const before = await cluster.head();
  await cluster.functions.ingestEvents(cluster.list(2, []));
  const held = await cluster.head();
  assert.deepEqual([held.version, held.served], [1, before.served]);
  assert.deepEqual([held.applied.epoch, held.want], [2, undefined]);
  assert.deepEqual([held.pin?.kind, held.pin?.who, held.pin?.why], ["hold", "weft", "a list lacks 4 of 4 Service"]);
  assert.deepEqual(held.pin?.missing, { of: before.state, kinds: [{ kind: "/Service", missing: 4, of: 4 }] });
  await cluster.functions.sweep();
  assert.deepEqual(await cluster.head(), held);
  assert.equal(await cluster.functions.pins.release("test", "hold", by), 2);
  const released = await cluster.head();
  assert.deepEqual([released.pin, released.served?.state], [undefined, released.state]);
  const acts = (await cluster.acts()).map(({ act, who }) => `${act} ${who}`);
  assert.deepEqual(acts.sort(), ["hold weft", "release ann"]);
});

test("live changes go on behind a hold, which ends by itself when the objects are there again", async () => {
  const cluster = await start();
  await cluster.functions.ingestEvents(cluster.list(2, rest));
  assert.equal((await cluster.head()).pin?.kind, "hold");
  const seq = cluster.list(2, rest).length;
  const [a, b] = services as [MeshObject, MeshObject];
  await cluster.functions.ingestEvents([cluster.applied({ epoch: 2, seq: seq + 1 }, a)]);
  assert.deepEqual((await cluster.head()).pin?.missing?.kinds, [{ kind: "/Service", missing: 3, of: 4 }]);
  await cluster.functions.ingestEvents([cluster.applied({ epoch: 2, seq: seq + 2 }, b)]);
  const head = await cluster.head();
  assert.deepEqual([head.pin, head.version, head.served?.state], [undefined, 2, head.state]);

  for (const [epoch, objects] of [shop, [], shop].entries())
    await cluster.functions.ingestEvents(cluster.list(3 + epoch, objects));
  assert.deepEqual([(await cluster.head()).pin, (await cluster.head()).version], [undefined, 3], "nobody noticed");
});

test("deletions that a list tells, over several batches, are not held; the same list without them is", async () => {
  for (const [told, kind] of [
    [services, undefined],
    [services.slice(0, 1), "hold"],
  ] as const) {
    const cluster = await start();
    const [first, ...others] = cluster.list(2, rest);
    const messages = [
      first as object,
      ...told.map((object, index) => cluster.deleted({ epoch: 2, seq: 2 + index }, object)),
      ...rest.map((object, index) => cluster.applied({ epoch: 2, seq: 2 + told.length + index }, object)),
      cluster.seal(
        cluster.event(
          { epoch: 2, seq: 2 + told.length + rest.length },
          { type: "ListEnded", state: trieOfObjects(rest).root },
        ),
      ),
    ];
    assert.ok(others.length > 0);
    for (const message of messages) await cluster.functions.ingestEvents([message]);
    assert.equal((await cluster.head()).pin?.kind, kind);
  }
});

test("live deletions of everything, and a change of the mode, are not held", async () => {
  const cluster = await start();
  const seq = shop.length + 2;
  const [enforcing] = stateOf([meshConfig({ permissive: false, egress: false })]) as [MeshObject];
  await cluster.functions.ingestEvents([
    ...services.map((object, index) => cluster.deleted({ epoch: 1, seq: seq + 1 + index }, object)),
    cluster.applied({ epoch: 1, seq: seq + 1 + services.length }, enforcing),
  ]);
  const head = await cluster.head();
  assert.deepEqual([head.pin, head.version], [undefined, 2]);
});

test("a list that withdraws much while the cluster is frozen is not served when the freeze ends", async () => {
  const cluster = await start();
  const { pins } = cluster.functions;
  await pins.freeze("test", by);
  await cluster.functions.ingestEvents(cluster.list(2, rest));
  assert.equal((await cluster.head()).pin?.kind, "freeze");
  await pins.release("test", "freeze", by);
  const held = await cluster.head();
  assert.deepEqual(
    [held.version, held.pin?.kind, held.pin?.why],
    [1, "hold", "held since before the freeze was released"],
  );
  assert.equal(await pins.release("test", "hold", by), 2);
});

test("settings that are older than those served wait for a person, or for the newer ones", async () => {
  const cluster = await start();
  const settings = (version: number, smiSemantics = "osm") =>
    cluster.documents.put("policies", { id: "settings", partition: "weft", body: { version, smiSemantics } });
  await settings(7);
  await cluster.functions.recomputeFleet();
  assert.equal((await cluster.head()).served?.settingsVersion, 7);
  await settings(3);
  await cluster.functions.recomputeFleet();
  const held = await cluster.head();
  assert.deepEqual([held.served?.settingsVersion, held.pin?.lower], [7, true]);
  assert.match(held.pin?.why ?? "", /from version 7 to 3/);
  await settings(8);
  await cluster.functions.sweep();
  assert.deepEqual([(await cluster.head()).pin, (await cluster.head()).served?.settingsVersion], [undefined, 8]);
  await settings(2);
  await cluster.functions.sweep();
  await cluster.functions.pins.release("test", "hold", by);
  assert.equal((await cluster.head()).served?.settingsVersion, 2);
});
