import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { type TestContext, test } from "node:test";
import { type Envelope, verifyEnvelope } from "../../shared/core/events/envelope.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { ProxyReport } from "../../shared/store/documents.ts";
import { createReporter } from "./reporter.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const interval = 1000;
const idle = 30_000;

function start(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent: { readonly wanted: number }[] = [];
  const faults: string[] = [];
  const world = {
    wanted: 0,
    fault: undefined as Error | undefined,
    hold: undefined as Promise<void> | undefined,
    fresh: true,
  };
  const lost = new AbortController();
  const reporter = createReporter({
    mesh: "weft",
    cluster: "one",
    sender: {
      async send(key, [envelope, ...more]) {
        const { event } = envelope as Envelope;
        await world.hold;
        if (world.fault !== undefined) throw world.fault;
        assert.deepEqual([key, more], ["one", []]);
        assert.ok(verifyEnvelope(envelope as Envelope, publicKey.export({ type: "spki", format: "pem" }).toString()));
        sent.push((JSON.parse(event) as { report: { wanted: number } }).report);
      },
      [Symbol.asyncDispose]: async () => undefined,
    },
    key: { kid: "k", privateKey },
    report: () => ({ wanted: world.wanted }) as ProxyReport,
    interval,
    idle,
    fault: (error) => faults.push(error.message),
  });
  const working = reporter.whileLeading({ lost: lost.signal, isFresh: () => world.fresh });
  t.after(async () => {
    lost.abort();
    await working;
  });
  const pass = async (milliseconds: number): Promise<void> => {
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
    await turns();
    t.mock.timers.tick(milliseconds);
    await turns();
  };
  return Object.assign(world, { reporter, sent, faults, pass });
}

test("whoever begins to lead reports what is; what comes together goes together, the newest of it, signed", async (t) => {
  const world = start(t);
  world.reporter.news(false);
  world.wanted = 1;
  world.reporter.news(true);
  world.wanted = 2;
  await world.pass(0);
  assert.deepEqual(world.sent, []);
  await world.pass(10);
  assert.deepEqual(world.sent, [{ wanted: 2 }]);
});

/** A reporter whose first report went. */
async function begun(t: TestContext) {
  const world = start(t);
  await world.pass(10);
  await world.pass(interval);
  world.sent.length = 0;
  return world;
}

test("ordinary news goes at most once an interval, urgent news at once", async (t) => {
  const world = await begun(t);
  world.reporter.news(true);
  await world.pass(0);
  await world.pass(10);
  world.reporter.news(false);
  await world.pass(interval - 1);
  assert.equal(world.sent.length, 1, "also after urgent news");
  await world.pass(1);
  await world.pass(10);
  assert.equal(world.sent.length, 2);
  world.reporter.news(true);
  await world.pass(0);
  await world.pass(10);
  assert.equal(world.sent.length, 3);
});

test("without news a report goes when the idle time is over, not sooner", async (t) => {
  const world = await begun(t);
  await world.pass(idle - interval - 1);
  await world.pass(10);
  assert.deepEqual(world.sent, []);
  await world.pass(1);
  await world.pass(10);
  assert.equal(world.sent.length, 1);
});

test("a replica that was paused says nothing until it knows that it leads", async (t) => {
  const world = await begun(t);
  world.fresh = false;
  world.reporter.news(true);
  await world.pass(0);
  await world.pass(10);
  assert.deepEqual(world.sent, []);
});

test("news while a report is on its way goes with the next", async (t) => {
  const world = await begun(t);
  const hold = Promise.withResolvers<void>();
  world.hold = hold.promise;
  world.reporter.news(false);
  await world.pass(0);
  await world.pass(10);
  world.wanted = 7;
  world.reporter.news(true);
  hold.resolve();
  await world.pass(0);
  await world.pass(10);
  assert.deepEqual(world.sent, [{ wanted: 0 }, { wanted: 7 }]);
});

test("a report that could not be sent is sent after the interval, without further news", async (t) => {
  const world = await begun(t);
  world.fault = new MeshError("unavailable", "the hub is away");
  world.reporter.news(true);
  await world.pass(0);
  await world.pass(10);
  assert.deepEqual([world.faults, world.sent], [["the hub is away"], []]);
  world.fault = undefined;
  await world.pass(interval);
  await world.pass(10);
  assert.equal(world.sent.length, 1);
});
