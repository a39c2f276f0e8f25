import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import type { MeshObject } from "../shared/core/object.ts";
import type { BatchOperation, Container, DocumentStore } from "../shared/ports/document-store.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import type { Change, PinAct, Point } from "../shared/store/documents.ts";
import { httpRouteGroup, meshConfig, namespace, pod, service, stateOf } from "../test/support/build.ts";
import { type PublishingCluster, startPublishingCluster } from "../test/support/publishing-cluster.ts";
import { pinHandlers } from "./api/pins.ts";

const by = { who: "ann", why: "checkout answers 503" };
const cart = (port: number) => service("shop/cart", { ports: [{ port, targetPort: 8080, name: "http" }] });
const shop = stateOf([
  namespace("shop"),
  meshConfig({ permissive: true, egress: false }),
  cart(80),
  pod("shop/cart"),
  pod("shop/web"),
  httpRouteGroup("shop/all", [{ name: "any" }]),
]);

interface World extends PublishingCluster {
  /** Called before the next batch of the cluster's head, once. */
  beforeWrite: (() => Promise<void>) | undefined;
  /** What the next batch of the head is answered with, after it was done or instead. */
  answer: { readonly error: MeshError; readonly done: boolean } | undefined;
  /** A live change of the Service; its version. */
  edit(port: number): Promise<number>;
  acts(): Promise<readonly PinAct[]>;
}

/** A cluster with version 1 served. */
async function start(): Promise<World> {
  const documents = createMemoryDocumentStore();
  const world = { beforeWrite: undefined, answer: undefined } as Pick<World, "beforeWrite" | "answer">;
  const faulty: DocumentStore = {
    ...documents,
    async batch(container: Container, operations: readonly BatchOperation[]) {
      if (container !== "clusters") return documents.batch(container, operations);
      const { beforeWrite, answer } = world;
      world.beforeWrite = undefined;
      await beforeWrite?.();
      world.answer = undefined;
      if (answer === undefined || answer.done) await documents.batch(container, operations);
      if (answer !== undefined) throw answer.error;
    },
  };
  const cluster = await startPublishingCluster({ documents: faulty });
  const list = cluster.list(1, shop);
  await cluster.functions.ingestEvents(list);
  let seq = list.length;
  return Object.assign(world, cluster, {
    async edit(port: number) {
      const [edited] = stateOf([cart(port)]) as [MeshObject];
      await cluster.functions.ingestEvents([cluster.applied({ epoch: 1, seq: ++seq }, edited)]);
      return (await cluster.head()).version;
    },
    acts: () => cluster.documents.list<PinAct>("changes", "test", { prefix: "pin:", limit: 10 }),
  });
}

test("a rollback is a new version with the snapshot of an older one, and stays until it is released", async () => {
  const world = await start();
  const { pins } = world.functions;
  const first = await world.head();
  assert.equal(await world.edit(81), 2);
  const second = await world.head();
  assert.equal(await pins.rollback("test", 1, by), 3);
  const back = await world.head();
  assert.deepEqual(back.served, first.served);
  assert.deepEqual(back.pin, { kind: "rollback", ...by, when: "2026-01-01T00:00:00.000Z", to: 1 });
  assert.deepEqual([back.state, back.applied], [second.state, second.applied]);
  const point = await world.documents.get<Point>("clusters", "test", "point:000000000003");
  assert.deepEqual(point?.body.served, first.served);
  const change = await world.documents.get<Change>("changes", "test", "change:000000000003");
  assert.ok((change?.body.resources.changed ?? 0) + (change?.body.resources.added ?? 0) > 0);
  assert.deepEqual(world.pointers.at(-1)?.version, 3);

  assert.equal(await world.edit(82), 3, "events are folded, nothing is compiled");
  await world.functions.sweep();
  assert.deepEqual((await world.head()).served, first.served);
  assert.notEqual((await world.head()).state, second.state);

  assert.equal(await pins.release("test", "rollback", by), 4);
  const after = await world.head();
  assert.deepEqual([after.pin, after.served?.state], [undefined, after.state]);
  assert.deepEqual((await world.acts()).map(({ act, who, why, version }) => `${act} ${who} ${why} ${version}`).sort(), [
    `release ${by.who} ${by.why} 4`,
    `rollback ${by.who} ${by.why} 3`,
  ]);
});

test("one may roll back further, but not to what is newer, gone or below the floor of the sweep", async () => {
  const world = await start();
  const { pins } = world.functions;
  await world.edit(81);
  await world.edit(82);
  assert.equal(await pins.rollback("test", 2, by), 4);
  assert.equal(await pins.rollback("test", 1, by), 5);
  for (const [to, message] of [
    [5, /not older/],
    [77, /not older/],
  ] as const)
    await assert.rejects(pins.rollback("test", to, by), { code: "precondition-failed", message });
  const stored = await world.documents.get("clusters", "test", "head");
  const body = { ...(stored?.body as object), sweepFloor: 2 };
  await world.documents.put("clusters", { id: "head", partition: "test", body });
  await assert.rejects(pins.rollback("test", 1, by), { message: /not kept any more/ });
  await assert.rejects(pins.rollback("nobody", 1, by), { message: /never joined/ });
});

test("a freeze keeps what is served; releasing it serves what came meanwhile", async () => {
  const world = await start();
  const { pins } = world.functions;
  assert.equal(await pins.freeze("test", by), 1);
  assert.equal(await world.edit(81), 1);
  await assert.rejects(pins.freeze("test", by), { message: /has a freeze/ });
  await assert.rejects(pins.rollback("test", 1, by), { message: /freeze is to be released first/ });
  await assert.rejects(pins.release("test", "rollback", by), { message: /no rollback/ });
  assert.equal(await pins.release("test", "freeze", by), 2);
  await assert.rejects(pins.release("test", "freeze", by), { message: /no freeze/ });
});

test("a freeze and a change at the same moment: the freeze holds, the event is folded", async () => {
  const world = await start();
  world.beforeWrite = async () => void (await world.edit(81));
  assert.equal(await world.functions.pins.freeze("test", by), 2);
  assert.equal((await world.head()).pin?.kind, "freeze");
  world.beforeWrite = undefined;
  const other = await start();
  other.beforeWrite = async () => void (await other.functions.pins.freeze("test", by));
  assert.equal(await other.edit(81), 1, "the change lost the race, read again, and was bound");
  const head = await other.head();
  assert.notEqual(head.served?.state, head.state);
});

test("two people at the same moment: one wins, the other is told", async () => {
  const world = await start();
  await world.edit(81);
  const { pins } = world.functions;
  world.beforeWrite = async () => void (await pins.freeze("test", { who: "bob", why: "a holiday" }));
  await assert.rejects(pins.rollback("test", 1, by), { message: /freeze is to be released first/ });
  assert.equal((await world.head()).pin?.who, "bob");
});

for (const [name, done] of [
  ["was done all the same", true],
  ["was not done", false],
] as const) {
  test(`a rollback whose answer is unclear and that ${name}`, async () => {
    const world = await start();
    await world.edit(81);
    world.answer = { error: new MeshError("unavailable", "no answer"), done };
    const rollback = world.functions.pins.rollback("test", 1, by);
    if (done) assert.equal(await rollback, 3);
    else await assert.rejects(rollback, { code: "unavailable" });
    assert.equal((await world.head()).version, done ? 3 : 2);
    assert.equal((await world.acts()).length, done ? 1 : 0);
  });
}

test("over HTTP: who the platform knows counts, a bad body is told, a refusal is a conflict", async () => {
  const world = await start();
  const handlers = pinHandlers(world.functions.pins);
  const call = async (act: keyof typeof handlers, body: unknown, caller?: string) => {
    const { status, jsonBody } = await handlers[act]({
      params: { cluster: "test" },
      headers: new Headers(caller === undefined ? {} : { "x-ms-client-principal-name": caller }) as never,
      json: async () => body,
    });
    return { status, ...(jsonBody as { readonly version?: number; readonly error?: string }) };
  };
  assert.equal((await call("freeze", { who: "ann" })).status, 400);
  assert.match((await call("freeze", { who: "ann" })).error ?? "", /why/);
  assert.deepEqual(await call("freeze", by, "bob@example.org"), { status: 200, version: 1 });
  assert.equal((await world.head()).pin?.who, "bob@example.org");
  assert.equal((await call("rollback", { ...by, to: 1 })).status, 409);
  assert.deepEqual(await call("release", { ...by, kind: "freeze" }), { status: 200, version: 1 });
  world.answer = { error: new MeshError("unavailable", "no answer"), done: false };
  assert.equal((await call("freeze", by)).status, 503);
});
