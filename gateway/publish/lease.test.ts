import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { KubernetesRefusal } from "../kubernetes/client.ts";
import { createFakeApi, until } from "../kubernetes/client-fixture.ts";
import { type HeldLease, whileHoldingLease } from "./lease.ts";

interface Stored {
  readonly metadata: { resourceVersion: string; annotations?: Record<string, string> };
  readonly spec: { holderIdentity?: string; renewTime?: string; leaseDurationSeconds?: number };
}

const path = "/apis/coordination.k8s.io/v1/namespaces/weft-system/leases";

/** An API server that keeps one Lease with optimistic concurrency, and a replica that wants it. */
function candidate(t: TestContext, stored?: Stored) {
  const stop = new AbortController();
  const world = {
    stored,
    /** Runs before an update is looked at: what another writer does in between. */
    meanwhile: undefined as (() => void) | undefined,
    fault: undefined as Error | undefined,
    held: [] as HeldLease[],
    faults: [] as string[],
    /** When an update last came, on the clock of `performance.now()`. */
    written: 0,
    stop,
    write(change: Partial<Stored["spec"]>, annotations?: Record<string, string>) {
      const { metadata, spec } = world.stored as Stored;
      world.stored = {
        metadata: {
          ...metadata,
          ...(annotations && { annotations }),
          resourceVersion: `${Number(metadata.resourceVersion) + 1}`,
        },
        spec: { ...spec, ...change },
      };
    },
  };
  const api = createFakeApi(({ method = "GET", path: asked, body }) => {
    if (world.fault !== undefined) return world.fault;
    const lease = body as Stored;
    if (method === "GET") return world.stored ?? new KubernetesRefusal(404, "NotFound", "no lease");
    const { meanwhile } = world;
    world.meanwhile = undefined;
    meanwhile?.();
    world.written = performance.now();
    if (method === "POST") {
      assert.equal(asked, path);
      if (world.stored !== undefined) return new KubernetesRefusal(409, "AlreadyExists", "exists");
      world.stored = { ...lease, metadata: { ...lease.metadata, resourceVersion: "1" } };
      return world.stored;
    }
    assert.equal(asked, `${path}/weft-publisher`);
    if (lease.metadata.resourceVersion !== world.stored?.metadata.resourceVersion)
      return new KubernetesRefusal(409, "Conflict", "the object has been modified");
    world.stored = {
      ...lease,
      metadata: { ...lease.metadata, resourceVersion: `${Number(lease.metadata.resourceVersion) + 1}` },
    };
    return world.stored;
  });
  const options = {
    namespace: "weft-system",
    name: "weft-publisher",
    identity: "me",
    duration: 300,
    signal: stop.signal,
    fault: (error: Error) => world.faults.push(error.message),
  };
  const running = whileHoldingLease(api, options, async (lease) => {
    world.held.push(lease);
    await new Promise((resolve) => lease.lost.addEventListener("abort", resolve));
  });
  t.after(async () => {
    stop.abort();
    await running;
  });
  return Object.assign(world, { api, running, duration: options.duration });
}

function heldBy(holderIdentity: string, renewed: number): Stored {
  return {
    metadata: { resourceVersion: "7", annotations: { "weft.dev/epoch": "41", theirs: "kept" } },
    spec: { holderIdentity, renewTime: new Date(Date.now() + renewed).toISOString(), leaseDurationSeconds: 15 },
  };
}

test("a Lease that is not there is created, and renewed while it is held", async (t) => {
  const world = candidate(t);
  await until(() => world.held.length === 1);
  assert.equal(world.stored?.spec.holderIdentity, "me");
  assert.match(world.stored?.spec.renewTime ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  const { resourceVersion } = (world.stored as Stored).metadata;
  await until(() => Number(world.stored?.metadata.resourceVersion) >= Number(resourceVersion) + 3);
  assert.equal(world.held[0]?.lost.aborted, false);
});

test("another's living Lease is left alone; an expired or released one is taken over, annotations kept", async (t) => {
  const world = candidate(t, heldBy("other", 0));
  await until(() => world.api.calls.length >= 5);
  assert.deepEqual([world.held.length, world.api.calls.filter(({ method }) => method !== undefined)], [0, []]);
  world.write({ renewTime: new Date(Date.now() - 16_000).toISOString() });
  await until(() => world.held.length === 1);
  assert.deepEqual(world.stored?.metadata.annotations, { "weft.dev/epoch": "41", theirs: "kept" });
  world.write({ holderIdentity: "other", renewTime: new Date().toISOString() });
  await until(() => world.held[0]?.lost.aborted === true);
  world.write({ holderIdentity: "" });
  await until(() => world.held.length === 2);
});

test("two that create at once: one holds it", async (t) => {
  const world = candidate(t, undefined);
  world.meanwhile = () => {
    world.stored = heldBy("other", 0);
  };
  await until(() => world.api.calls.length >= 6);
  assert.deepEqual([world.held.length, world.faults], [0, []]);
});

test("a renewal that conflicts with our own taking of an epoch loses nothing", async (t) => {
  const world = candidate(t);
  await until(() => world.held.length === 1);
  world.meanwhile = () => world.write({}, { "weft.dev/epoch": "5" });
  await until(() => world.meanwhile === undefined);
  const { length } = world.api.calls;
  await until(() => world.api.calls.length >= length + 6);
  assert.deepEqual([world.held.length, world.held[0]?.lost.aborted], [1, false]);
});

test("a renewal that conflicts with another's takeover loses it", async (t) => {
  const world = candidate(t);
  await until(() => world.held.length === 1);
  world.meanwhile = () =>
    world.write({ holderIdentity: "other", renewTime: new Date(Date.now() + 60_000).toISOString() });
  await until(() => world.held[0]?.lost.aborted === true);
  assert.equal(world.held.length, 1);
});

test("an API server that is away for as long as the Lease lasts loses it, not sooner", async (t) => {
  const world = candidate(t);
  await until(() => world.held.length === 1);
  const lost = world.held[0]?.lost;
  let lasted = 0;
  lost?.addEventListener("abort", () => {
    lasted = performance.now() - world.written;
  });
  world.fault = new Error("away");
  await until(() => lost?.aborted === true);
  assert.ok(lasted > world.duration, `lost after ${lasted} ms`);
  assert.ok(world.faults.length >= 1);
  world.fault = undefined;
  await until(() => world.held.length === 2);
});

test("an epoch is above the head's and the Lease's, and written with a precondition before it is used", async (t) => {
  const world = candidate(t, heldBy("me", -20_000));
  await until(() => world.held.length === 1);
  const [lease] = world.held as [HeldLease];
  assert.equal(await lease.takeEpoch(3), 42);
  assert.equal(world.stored?.metadata.annotations?.["weft.dev/epoch"], "42");
  assert.equal(await lease.takeEpoch(99), 100);
  world.meanwhile = () => world.write({}, { "weft.dev/epoch": "500", theirs: "kept" });
  assert.equal(await lease.takeEpoch(99), 501, "whoever wrote between is seen");
  assert.equal(world.stored?.metadata.annotations?.["theirs"], "kept");
});

test("a Lease that was removed is followed by an epoch that nobody took, whatever of the others is still on its way", async (t) => {
  const world = candidate(t);
  await until(() => world.held.length === 1);
  const epoch = (await world.held[0]?.takeEpoch(3)) ?? 0;
  assert.ok(epoch > 3 && epoch <= 100_003, `epoch ${epoch}`);
  assert.equal(await world.held[0]?.takeEpoch(3), epoch + 1, "from here on the Lease remembers");
});

test("an annotation that is no number counts as none", async (t) => {
  const world = candidate(t, heldBy("me", -20_000));
  await until(() => world.held.length === 1);
  world.write({}, { "weft.dev/epoch": "many" });
  assert.equal(await world.held[0]?.takeEpoch(3), 4);
});

test("an annotation is written beside the others, by the holder alone", async (t) => {
  const world = candidate(t, heldBy("me", -20_000));
  await until(() => world.held.length === 1);
  const [lease] = world.held as [HeldLease];
  world.meanwhile = () => world.write({}, { theirs: "kept" });
  await lease.annotate("weft.dev/mode", "a");
  assert.deepEqual(
    [world.stored?.metadata.annotations?.["weft.dev/mode"], world.stored?.metadata.annotations?.["theirs"]],
    ["a", "kept"],
  );
  world.write({ holderIdentity: "other", renewTime: new Date().toISOString() });
  await assert.rejects(lease.annotate("weft.dev/mode", "b"), /another's/);
});

test("whoever no longer holds the Lease takes no epoch", async (t) => {
  const world = candidate(t);
  await until(() => world.held.length === 1);
  world.write({ holderIdentity: "other", renewTime: new Date().toISOString() });
  await assert.rejects((world.held[0] as HeldLease).takeEpoch(3), /another's/);
});

test("stopping gives the Lease away, so that the next replica need not wait", async (t) => {
  const world = candidate(t);
  await until(() => world.held.length === 1);
  world.stop.abort();
  await world.running;
  assert.equal(world.stored?.spec.holderIdentity, "");
  assert.equal(world.held[0]?.lost.aborted, true);
});
