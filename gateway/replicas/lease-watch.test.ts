import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createManualClock, type ManualClock } from "../../test/support/manual-clock.ts";
import { createFakeApi, type FakeApi, until } from "../kubernetes/client-fixture.ts";
import { type LeaseWatch, startLeaseWatch } from "./lease-watch.ts";

interface Watched {
  readonly api: FakeApi;
  readonly clock: ManualClock;
  readonly leases: LeaseWatch;
  /** Names that the watch told, in order. */
  readonly told: string[];
}

/** `renewed` is a time on the clock. */
function lease(name: string, renewed: number, annotations: Readonly<Record<string, string>> = {}): object {
  const renewTime = new Date(renewed).toISOString();
  return {
    metadata: { name, namespace: "mesh", resourceVersion: "1", annotations },
    spec: { holderIdentity: `${name}-holder`, leaseDurationSeconds: 15, renewTime },
  };
}

async function watchOver(t: TestContext, list: (clock: ManualClock) => readonly object[]): Promise<Watched> {
  const clock = createManualClock();
  const api = createFakeApi(() => ({ metadata: { resourceVersion: "1" }, items: list(clock) }));
  const leases = startLeaseWatch({ client: api, namespace: "mesh", clock, fault: () => undefined });
  t.after(() => leases[Symbol.asyncDispose]());
  const told: string[] = [];
  leases.onChange((name) => told.push(name));
  await leases.listed;
  await until(() => api.watches.length === 1);
  return { api, clock, leases, told };
}

test("a Lease that was there before is as old as it says; one that is renewed lives anew", async (t) => {
  const { api, clock, leases } = await watchOver(t, (clock) => [
    lease("a", clock.now() - 20_000),
    lease("b", clock.now()),
  ]);
  assert.deepEqual(
    leases.leases().map(({ name, alive, age }) => [name, alive, age]),
    [
      ["a", false, 20_000],
      ["b", true, 0],
    ],
  );
  clock.pass(15_000);
  api.watches[0]?.line({ type: "MODIFIED", object: lease("a", clock.now()) });
  assert.equal(leases.lease("a")?.alive, true);
  assert.equal(leases.lease("b")?.alive, false);
  assert.equal(leases.lease("b")?.holder, "b-holder");
});

test("a holder's clock that differs does not matter: a renewal counts from when it was seen", async (t) => {
  const { api, clock, leases } = await watchOver(t, (clock) => [lease("a", clock.now())]);
  clock.pass(10_000);
  api.watches[0]?.line({ type: "MODIFIED", object: lease("a", clock.now() - 3_600_000) });
  assert.equal(leases.lease("a")?.age, 0);
});

test("changes of annotations are told, mere renewals are not, coming and going is", async (t) => {
  const { api, clock, leases, told } = await watchOver(t, (clock) => [lease("a", clock.now())]);
  assert.deepEqual(told, ["a"]);
  api.watches[0]?.line({ type: "MODIFIED", object: lease("a", clock.now() + 1000) });
  assert.deepEqual(told, ["a"]);
  api.watches[0]?.line({ type: "MODIFIED", object: lease("a", clock.now() + 2000, { said: "news" }) });
  assert.equal(leases.lease("a")?.annotations["said"], "news");
  api.watches[0]?.line({ type: "ADDED", object: lease("b", clock.now()) });
  api.watches[0]?.line({ type: "DELETED", object: lease("a", clock.now()) });
  assert.deepEqual(told, ["a", "a", "b", "a"]);
  assert.equal(leases.lease("a"), undefined);
});

test("what is missing from a fresh list is gone", async (t) => {
  let list = (clock: ManualClock): readonly object[] => [lease("a", clock.now()), lease("b", clock.now())];
  const { api, leases, told } = await watchOver(t, (clock) => list(clock));
  list = (clock) => [lease("b", clock.now())];
  api.watches[0]?.line({ type: "ERROR", object: { code: 410, reason: "Expired", message: "too old" } });
  await until(() => leases.lease("a") === undefined);
  assert.deepEqual(told, ["a", "b", "a"]);
});
