import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "../../shared/core/canonical.ts";
import type { ClusterEvent, Position } from "../../shared/core/events/cluster-event.ts";
import type { Envelope } from "../../shared/core/events/envelope.ts";
import { type ClusterState, emptyClusterState, stateEntry } from "../../shared/core/state/cluster-state.ts";
import { evolve } from "../../shared/core/state/evolve.ts";
import { emptyTrie, type Trie, trieOf } from "../../shared/core/trie/trie.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { Head, SeenCloud } from "../../shared/store/documents.ts";
import { createFactQueue } from "./fact-queue.ts";
import { type PublisherEvent, publishWhileLeading } from "./publisher.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const settings = { settleInterval: 1000, settleLimit: 15_000, heartbeatInterval: 10_000 };

function service(name: string, body: JsonObject = { v: 1 }): readonly [string, string] {
  return stateEntry({ key: { group: "", kind: "Service", namespace: "shop", name }, uid: name, body });
}

function emptyHead(): Head {
  return {
    incarnation: "first",
    version: 4,
    applied: { epoch: 0, seq: 0 },
    state: emptyTrie.root,
    refused: { count: 0, newest: [] },
    writeId: "w",
    sweepFloor: 0,
  };
}

/** A publisher that leads, over a hub that a test can stop, and an ingest that folds what the hub delivers. */
function lead(t: TestContext, objects: Trie, head: Head = emptyHead(), readFault?: Error) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(Math, "random", () => 0);
  const lost = new AbortController();
  const listeners = new Set<() => void>();
  let now = 5000;
  const world = {
    objects,
    head: head as Head | undefined,
    state: { ...emptyClusterState, applied: head.applied } as ClusterState,
    sent: [] as ClusterEvent[],
    batches: [] as number[],
    log: [] as PublisherEvent[],
    relists: 0,
    reads: 0,
    inFlight: 0,
    mostInFlight: 0,
    /** What the hub does with a batch: deliver, lose it, or throw. */
    hub: "deliver" as "deliver" | "lose" | Error,
    readFault,
    relisted: undefined as Promise<void> | undefined,
    epochs: [] as number[],
    remembered: 0,
    hold: undefined as Promise<void> | undefined,
    lost,
    facts: createFactQueue(),
    /** States that were about to be sent whole, with where. */
    publishing: [] as { readonly root: string; readonly position: Position; readonly sentBefore: number }[],
    change(changes: Parameters<Trie["with"]>[0]) {
      world.objects = world.objects.with(changes);
      for (const listener of listeners) listener();
    },
    ingest: (events: readonly ClusterEvent[]): void => {
      let want = world.head?.want;
      for (const event of events) {
        const { state, outcome } = evolve(world.state, event);
        world.state = state;
        if (outcome.kind === "unexpected") want = outcome.why;
        else if (outcome.kind === "applied" && (event.type === "ListEnded" || "asserts" in event)) want = undefined;
      }
      const { want: _, staged: __, ...rest } = world.head ?? emptyHead();
      world.head = {
        ...rest,
        applied: world.state.applied,
        state: world.state.objects.root,
        ...(want !== undefined && { want }),
      };
    },
    types: () => world.sent.map(({ type }) => type),
    ofEpoch: (epoch: number) => world.sent.filter((event) => event.epoch === epoch).map(({ type }) => type),
    /** Lets everything that can run now run. */
    async rest() {
      for (let round = 0; round < 20; round++) {
        await new Promise((resolve) => setImmediate(resolve));
        t.mock.timers.tick(0);
      }
    },
    async pass(milliseconds: number) {
      for (let left = milliseconds; left > 0; left -= 500) {
        now += Math.min(500, left);
        t.mock.timers.tick(Math.min(500, left));
        await world.rest();
      }
    },
  };
  const working = publishWhileLeading(
    {
      context: { mesh: "weft", cluster: "one", note: () => undefined, now: () => "now" },
      key: { kid: "k", privateKey },
      sender: {
        async send(key, messages) {
          assert.equal(key, "one");
          world.mostInFlight = Math.max(world.mostInFlight, ++world.inFlight);
          await world.hold;
          world.inFlight--;
          if (world.hub instanceof Error) throw world.hub;
          const events = (messages as Envelope[]).map(({ event }) => JSON.parse(event) as ClusterEvent);
          world.sent.push(...events);
          world.batches.push(events.length);
          if (world.hub === "deliver") world.ingest(events);
        },
        [Symbol.asyncDispose]: async () => undefined,
      },
      local: {
        objects: () => world.objects,
        async relist() {
          world.relists++;
          await world.relisted;
        },
        onChange(listener) {
          listeners.add(listener);
          return { [Symbol.dispose]: () => listeners.delete(listener) };
        },
      },
      async readHead() {
        world.reads++;
        if (world.readFault !== undefined) throw world.readFault;
        return world.head;
      },
      seen: () => ({ incarnation: "first", version: 4, policyVersion: 0 }),
      publishing: (root, position) => world.publishing.push({ root, position, sentBefore: world.sent.length }),
      facts: world.facts,
      settings,
      clock: { monotonic: () => now },
      log: (event) => world.log.push(event),
    },
    {
      lost: lost.signal,
      async takeEpoch(atLeast) {
        world.remembered = Math.max(world.remembered, atLeast) + 1;
        world.epochs.push(world.remembered);
        return world.remembered;
      },
    },
  );
  t.after(async () => {
    lost.abort();
    await working;
  });
  return Object.assign(world, { working });
}

const two = trieOf([service("a"), service("b")]);

test("the first list is whole: everything after a fresh list of Kubernetes, closed by the state hash", async (t) => {
  const world = lead(t, two);
  await world.rest();
  assert.deepEqual(world.types(), ["ListStarted", "ObjectApplied", "ObjectApplied", "ListEnded"]);
  assert.deepEqual(
    world.sent.map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  assert.equal(world.relists, 1);
  assert.equal(world.head?.state, two.root);
  assert.deepEqual(world.sent[0], {
    v: 1,
    mesh: "weft",
    cluster: "one",
    epoch: 1,
    seq: 1,
    time: "now",
    type: "ListStarted",
    reason: "the Lease was won",
    seen: { incarnation: "first", version: 4, policyVersion: 0 },
  });
  assert.deepEqual(
    world.log.map(({ kind }) => kind),
    ["listed", "settled"],
  );
});

test("where the head holds the same state already, the list is one event that asserts it", async (t) => {
  const world = lead(t, two, { ...emptyHead(), applied: { epoch: 7, seq: 30 }, state: two.root });
  world.state = { applied: { epoch: 7, seq: 30 }, objects: two };
  await world.rest();
  assert.deepEqual(
    world.sent.map(({ type, epoch }) => [type, epoch]),
    [["ListStarted", 8]],
  );
  assert.equal((world.sent[0] as { asserts?: string }).asserts, two.root);
  assert.deepEqual(world.head?.applied, { epoch: 8, seq: 1 });
  world.change([service("c")]);
  await world.rest();
  assert.deepEqual(world.head?.applied, { epoch: 8, seq: 2 });
});

test("before a state is sent whole, its last position is told", async (t) => {
  const world = lead(t, two);
  await world.rest();
  world.change([service("c")]);
  await world.rest();
  const three = world.objects.root;
  assert.deepEqual(world.publishing, [
    { root: two.root, position: { epoch: 1, seq: 4 }, sentBefore: 3 },
    { root: three, position: { epoch: 1, seq: 5 }, sentBefore: 4 },
  ]);
});

test("facts beside the state are told in order, after what is more urgent, until they are sent", async (t) => {
  const world = lead(t, two);
  await world.rest();
  const facts = ["one", "two"].map((from) => ({
    type: "ServedLocally" as const,
    root: two.root,
    state: two.root,
    from,
    to: "",
  }));
  world.hub = new MeshError("unavailable", "the hub is away");
  for (const fact of facts) world.facts.add(fact);
  world.change([service("c")]);
  await world.rest();
  assert.deepEqual(world.facts.waiting(), facts);
  world.hub = "deliver";
  await world.pass(20_000);
  assert.deepEqual(world.facts.waiting(), []);
  const told = world.sent.filter(({ type }) => type === "ServedLocally");
  assert.deepEqual(
    told.map((event) => "from" in event && event.from),
    ["one", "two"],
  );
  assert.deepEqual(world.head?.applied, world.state.applied);
  assert.equal(world.head?.state, world.objects.root);
});

test("the epoch is above what the head applied and what it stages", async (t) => {
  const world = lead(t, two, {
    ...emptyHead(),
    applied: { epoch: 7, seq: 1 },
    staged: { epoch: 9, seq: 4, state: emptyTrie.root },
  });
  await world.rest();
  assert.equal(world.epochs[0], 10);
});

test("changes go as they come, one send in flight at a time; those that wait for it become one", async (t) => {
  const world = lead(t, two);
  await world.rest();
  const hold = Promise.withResolvers<void>();
  world.hold = hold.promise;
  world.change([service("a", { v: 2 })]);
  await world.rest();
  world.change([service("a", { v: 3 })]);
  world.change([service("b", { v: 9 })]);
  await world.rest();
  world.change([service("a", { v: 4 }), service("b")]);
  await world.rest();
  assert.equal(world.mostInFlight, 1);
  world.hold = undefined;
  hold.resolve();
  await world.rest();
  const changes = world.sent
    .slice(4)
    .map((event) => event.type === "ObjectApplied" && [event.seq, event.object.name, event.body]);
  assert.deepEqual(changes, [
    [5, "a", { v: 2 }],
    [6, "a", { v: 4 }],
  ]);
  assert.equal(world.head?.state, world.objects.root);
});

test("a send that fails is answered by a list in a new epoch", async (t) => {
  const world = lead(t, two);
  await world.rest();
  world.hub = new MeshError("unavailable", "the hub is away");
  world.change([service("c")]);
  await world.rest();
  assert.equal(world.log.at(-1)?.kind, "fault");
  world.hub = "deliver";
  await world.pass(1000);
  assert.deepEqual(world.ofEpoch(world.remembered), [
    "ListStarted",
    "ObjectApplied",
    "ObjectApplied",
    "ObjectApplied",
    "ListEnded",
  ]);
  assert.equal(world.head?.state, world.objects.root);
});

test("an event that the hub lost is seen at the head after the limit, heartbeats or not, and answered by a list", async (t) => {
  const world = lead(t, two);
  await world.rest();
  world.hub = "lose";
  world.change([service("c")]);
  await world.rest();
  await world.pass(settings.settleLimit);
  assert.equal(world.epochs.length, 1);
  world.hub = "deliver";
  await world.pass(2 * settings.settleInterval);
  assert.equal(world.epochs.length, 2);
  assert.equal(world.head?.state, world.objects.root);
});

test("a lost last event is told by the next heartbeat's wish, before the limit", async (t) => {
  const world = lead(t, two);
  await world.rest();
  await world.pass(9000);
  world.hub = "lose";
  world.change([service("c")]);
  await world.rest();
  world.hub = "deliver";
  await world.pass(3000);
  assert.deepEqual([world.epochs.length, world.head?.state], [2, world.objects.root]);
});

test("a gap is answered as soon as the head says so", async (t) => {
  const world = lead(t, two);
  await world.rest();
  world.hub = "lose";
  world.change([service("c")]);
  await world.rest();
  world.hub = "deliver";
  world.change([service("d")]);
  await world.rest();
  assert.match(world.head?.want ?? "", /came after/);
  await world.pass(2 * settings.settleInterval);
  assert.deepEqual([world.epochs.length, world.head?.state, world.head?.want], [2, world.objects.root, undefined]);
});

test("a wish that was there before the list is answered by the list, once", async (t) => {
  const world = lead(t, two, { ...emptyHead(), applied: { epoch: 3, seq: 1 }, want: "a gap of old" });
  world.hub = "lose";
  await world.pass(5000);
  assert.equal(world.epochs.length, 1);
});

test("a wish while all is settled is answered by a list in a new epoch", async (t) => {
  const world = lead(t, two);
  await world.rest();
  world.head = { ...(world.head as Head), want: "somebody asks" };
  await world.pass(settings.heartbeatInterval + 2 * settings.settleInterval);
  assert.equal(world.epochs.length, 2);
  assert.equal(
    (world.sent.findLast(({ type }) => type === "ListStarted") as { reason?: string }).reason,
    "somebody asks",
  );
});

test("a head that went back is told by one list what was seen, and by no more once it has taken note", async (t) => {
  const world = lead(t, two);
  await world.rest();
  world.ingest = ((ingest) => (events: readonly ClusterEvent[]) => {
    ingest(events);
    for (const event of events)
      if (event.type === "ListStarted" && event.seen) world.head = { ...(world.head as Head), above: event.seen };
  })(world.ingest);
  world.head = { ...(world.head as Head), version: 2 };
  await world.pass(5 * settings.heartbeatInterval);
  assert.equal(world.epochs.length, 2);
  const list = world.sent.findLast(({ type }) => type === "ListStarted") as { reason?: string; seen?: SeenCloud };
  assert.deepEqual(
    [list.reason, list.seen],
    ["the cloud went back to version 2", { incarnation: "first", version: 4, policyVersion: 0 }],
  );
});

test("what was deleted before our eyes and did not arrive is told by the list, so nobody takes it for a mass withdrawal", async (t) => {
  const world = lead(t, two);
  await world.rest();
  world.hub = "lose";
  world.change([[service("a")[0], undefined]]);
  await world.rest();
  world.hub = "deliver";
  await world.pass(settings.settleLimit + settings.heartbeatInterval);
  const epoch = world.epochs.at(-1) as number;
  assert.deepEqual(
    world
      .ofEpoch(epoch)
      .filter((type) => type !== "Heartbeat")
      .sort(),
    ["ListEnded", "ListStarted", "ObjectApplied", "ObjectDeleted"],
  );
  await world.pass(2 * settings.settleInterval);
  world.head = { ...(world.head as Head), want: "somebody asks", state: emptyTrie.root };
  await world.pass(settings.heartbeatInterval + 2 * settings.settleInterval);
  assert.ok(!world.ofEpoch(world.epochs.at(-1) as number).includes("ObjectDeleted"), "told once");
});

test("changes that keep coming while the head follows behind need no list", async (t) => {
  const world = lead(t, two);
  await world.rest();
  let delayed: ClusterEvent[] = [];
  world.ingest = ((ingest) => (events: readonly ClusterEvent[]) => {
    ingest(delayed);
    delayed = [...events];
  })(world.ingest);
  for (let change = 0; change < 80; change++) {
    world.change([service("a", { v: change + 10 })]);
    await world.pass(500);
  }
  assert.equal(world.epochs.length, 1);
});

test("a heartbeat comes at its interval with the last position and the state, and takes no seq", async (t) => {
  const world = lead(t, two);
  await world.rest();
  const settledAt = world.reads;
  await world.pass(settings.heartbeatInterval);
  const heartbeat = world.sent.at(-1) as ClusterEvent & { readonly state: string };
  assert.deepEqual([heartbeat.type, heartbeat.seq, heartbeat.state], ["Heartbeat", 4, two.root]);
  assert.equal(world.reads, settledAt, "a settled publisher leaves the head alone");
  world.change([service("c")]);
  await world.rest();
  assert.equal(world.sent.at(-1)?.seq, 5);
  assert.equal(world.log.filter(({ kind }) => kind === "settled").length, 1);
});

test("while the head cannot be read, or there is none, nothing is published", async (t) => {
  const world = lead(t, two, emptyHead(), new MeshError("unavailable", "the cloud is away"));
  await world.pass(60_000);
  assert.deepEqual([world.sent, world.epochs], [[], []]);
  world.readFault = undefined;
  world.head = undefined;
  await world.pass(60_000);
  assert.deepEqual([world.sent, world.epochs], [[], []]);
  world.head = emptyHead();
  await world.pass(20_000);
  assert.equal(world.head.state, two.root);
});

test("another publisher's epoch at the head is answered by a list above it", async (t) => {
  const world = lead(t, two);
  await world.rest();
  world.state = { applied: { epoch: 40, seq: 1 }, objects: emptyTrie };
  world.head = { ...(world.head as Head), applied: { epoch: 40, seq: 1 }, state: emptyTrie.root };
  world.change([service("c")]);
  await world.pass(5000);
  assert.equal(world.epochs.at(-1), 41);
  assert.equal(world.head.state, world.objects.root);
});

test("losing the Lease ends it at once: in a wait, in a send that hangs, in a list that never comes", async (t) => {
  for (const stage of ["wait", "send", "list"] as const) {
    await t.test(stage, async (own) => {
      const world = lead(own, two);
      if (stage === "send") world.hold = new Promise(() => undefined);
      if (stage === "list") world.relisted = new Promise(() => undefined);
      await world.rest();
      const { length } = world.sent;
      world.lost.abort();
      await world.working;
      world.change([service("c")]);
      await world.rest();
      assert.equal(world.sent.length, length);
    });
  }
});

test("a list is sent in batches that a hub takes, however large the objects are", async (t) => {
  const large = trieOf(
    Array.from({ length: 12 }, (_, index) => service(`s${index}`, { text: "x".repeat(200 * 1024) })),
  );
  const world = lead(t, large);
  await world.rest();
  assert.deepEqual(world.batches, [1, 4, 4, 4, 1]);
  const positions = world.sent.map(({ seq }: Position) => seq);
  assert.deepEqual(
    positions,
    positions.toSorted((a, b) => a - b),
  );
  assert.equal(world.head?.state, large.root);
});

test("what keeps failing is tried with growing pauses", async (t) => {
  const world = lead(t, two);
  t.mock.method(Math, "random", () => 1);
  await world.rest();
  world.hub = new MeshError("unavailable", "away");
  world.change([service("c")]);
  await world.pass(60_000);
  const attempts = world.epochs.length - 1;
  assert.ok(attempts >= 5 && attempts <= 8, `${attempts} attempts in a minute: 0.5, 1, 2, 4, 8, 15, 15 s`);
});
