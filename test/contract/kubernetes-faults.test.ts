import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { parseFaultPlan } from "../../local/faults/fault-plan.ts";
import { kubernetesFault } from "../../local/kubernetes/faults.ts";
import { type Kubernetes, startKubernetes } from "../../local/kubernetes/start-kubernetes.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { type ApiClient, createApiClient, eventually, type Stream } from "./kubernetes/api-client.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

interface Faulty {
  readonly api: ApiClient;
  readonly kubernetes: Kubernetes;
}

/** A server with a plan, disposed with the test. */
function start(t: TestContext, ...faults: readonly object[]): Promise<Faulty> {
  return startBy(systemClock, t, ...faults);
}

async function startBy(clock: Clock, t: TestContext, ...faults: readonly object[]): Promise<Faulty> {
  const plan = parseFaultPlan(JSON.stringify({ seed: 1, faults }), kubernetesFault);
  const kubernetes = await startKubernetes({ faults: plan, controlPort: 0, clock });
  t.after(() => kubernetes[Symbol.asyncDispose]());
  return { kubernetes, api: await createApiClient(kubernetes.kubeconfig) };
}

const named = (name: string): object => ({ metadata: { name } });

/** Does one fault out of turn. */
async function strikeNow({ kubernetes }: Faulty, fault: object): Promise<number> {
  const { status } = await fetch(kubernetes.faultsUrl ?? "", { method: "POST", body: JSON.stringify(fault) });
  return status;
}

const versionOf = async ({ api }: Faulty): Promise<string> =>
  (await api.get(configMaps)).body.text("metadata", "resourceVersion");

async function namesOf({ api }: Faulty, query = ""): Promise<readonly string[]> {
  const { body } = await api.get(`${configMaps}${query}`);
  return body
    .list("items")
    .map((item) => item.text("metadata", "name"))
    .filter((name) => name !== "kube-root-ca.crt");
}

/** What a client meets: a code, or "lost". */
async function outcome(asked: Promise<{ readonly code: number }>): Promise<number | "lost"> {
  return asked.then(
    ({ code }) => code,
    () => "lost",
  );
}

const nextName = async (stream: Stream): Promise<string> => (await stream.next()).object.text("metadata", "name");

describe("seeded faults", () => {
  it("lose a request, or only its answer, or answer that it failed", async (t) => {
    const creating = { on: "write", where: { verb: "create", resource: "configmaps" } };
    const server = await start(
      t,
      { fault: "request-lost", ...creating, at: [1] },
      { fault: "answer-lost", ...creating, at: [2] },
      { fault: "answer-lost", ...creating, at: [3], status: 504 },
      { fault: "answer-lost", ...creating, at: [4], status: 500 },
    );
    const outcomes: (number | "lost")[] = [];
    for (const name of ["a", "b", "c", "d", "e"])
      outcomes.push(await outcome(server.api.post(configMaps, named(name))));
    assert.deepEqual(outcomes, ["lost", "lost", 504, 500, 201]);
    assert.deepEqual(await namesOf(server), ["b", "c", "d", "e"]);
  });

  it("refuse and delay requests", async (t) => {
    const server = await start(
      t,
      { fault: "refused", on: "read", status: 429, retryAfter: 3, at: [1] },
      { fault: "refused", on: "write", status: 500, at: [1] },
      { fault: "refused", on: "watch", status: 503 },
      { fault: "delay", on: "read", milliseconds: 30, at: [2] },
    );
    const busy = await server.api.get(configMaps);
    assert.deepEqual([busy.code, busy.body.at("details", "retryAfterSeconds")], [429, 3]);
    const failed = await server.api.post(configMaps, named("a"));
    assert.deepEqual([failed.code, failed.body.at("reason")], [500, "InternalError"]);
    const begun = performance.now();
    assert.deepEqual(await namesOf(server), []);
    assert.ok(performance.now() - begun >= 29);
    assert.equal((await server.api.get(`${configMaps}?watch=1`)).code, 503);
  });

  it("let the watch cache lag: watches and reads that allow it are behind, others are not", async (t) => {
    const lag = { fault: "lag", on: "change", milliseconds: 600, where: { resource: "configmaps", name: "late" } };
    const clock = createManualClock(Date.now());
    const server = await startBy(clock, t, lag);
    const begun = await versionOf(server);
    await using stream = await server.api.watch(`${configMaps}?watch=1&resourceVersion=${begun}`);
    await server.api.post(configMaps, named("late"));
    await server.api.post(configMaps, named("next"));
    clock.pass(599);
    assert.deepEqual(await namesOf(server), ["late", "next"]);
    assert.deepEqual(await namesOf(server, "?resourceVersion=0"), []);
    assert.equal((await server.api.get(`${configMaps}/late?resourceVersion=0`)).code, 404);
    await using fresh = await server.api.watch(`${configMaps}?watch=1&resourceVersion=${await versionOf(server)}`);
    await server.api.post(configMaps, named("last"));
    clock.pass(2);
    // In their order, and to a watch that has listed them not once more.
    assert.deepEqual([await nextName(stream), await nextName(stream)], ["late", "next"]);
    assert.deepEqual([await nextName(stream), await nextName(fresh)], ["last", "last"]);
    assert.deepEqual(await namesOf(server, "?resourceVersion=0"), ["last", "late", "next"]);
  });

  it("end watches in place of a change, with an error or without, or as they are opened", async (t) => {
    const server = await start(
      t,
      { fault: "close", on: "change", where: { name: "closing" } },
      { fault: "expire", on: "change", where: { name: "expiring" } },
      { fault: "expire", on: "watch", at: [3] },
    );
    const watch = async (): Promise<Stream> =>
      server.api.watch(`${configMaps}?watch=1&resourceVersion=${await versionOf(server)}`);
    await using first = await watch();
    await server.api.post(configMaps, named("closing"));
    await first.ended();
    await using second = await watch();
    await server.api.post(configMaps, named("expiring"));
    assert.equal((await second.next()).object.at("code"), 410);
    await second.ended();
    await using third = await watch();
    assert.equal((await third.next()).object.at("code"), 410);
    assert.deepEqual(await namesOf(server), ["closing", "expiring"]);
  });

  it("remove an object, in a write or out of turn", async (t) => {
    const lease = { fault: "remove", resource: "leases.coordination.k8s.io", namespace: "default", name: "lead" };
    const server = await start(t, { ...lease, on: "write", where: { verb: "update" }, at: [2] });
    const made = await server.api.post(leases, named("lead"));
    const renewed = await server.api.put(`${leases}/lead`, made.body.value);
    assert.equal(renewed.code, 200);
    // An update makes a Lease that is not there, but not for one who means another.
    const removed = await server.api.put(`${leases}/lead`, renewed.body.value);
    assert.deepEqual([removed.code, removed.body.at("reason")], [409, "Conflict"]);
    await server.api.post(leases, named("lead"));
    assert.equal(await strikeNow(server, { ...lease, on: "now" }), 200);
    assert.equal((await server.api.get(`${leases}/lead`)).code, 404);
    assert.equal(await strikeNow(server, { fault: "lag", on: "change", milliseconds: 1 }), 400);
  });

  it("forget the history: a watch from before is too old, what is there stays", async (t) => {
    const server = await start(t);
    const before = await versionOf(server);
    await server.api.post(configMaps, named("kept"));
    await strikeNow(server, { fault: "forget", on: "now" });
    await using stream = await server.api.watch(`${configMaps}?watch=1&resourceVersion=${before}`);
    assert.equal((await stream.next()).object.at("reason"), "Expired");
    const exact = await server.api.get(`${configMaps}?resourceVersion=${before}&resourceVersionMatch=Exact`);
    assert.equal(exact.code, 410);
    await using now = await server.api.watch(`${configMaps}?watch=1&resourceVersion=${await versionOf(server)}`);
    await server.api.post(configMaps, named("more"));
    assert.equal(await nextName(now), "more");
  });

  it("set the store back: objects, revisions and kinds are as they were, watches end, one from the future is silent", async (t) => {
    const server = await start(t);
    const { api } = server;
    await api.post(configMaps, named("old"));
    await api.patch(`${configMaps}/old`, "merge", { data: { at: "1" } });
    const then = await api.get(`${configMaps}/old`);
    const version = await versionOf(server);
    await using stream = await api.watch(`${configMaps}?watch=1&resourceVersion=${version}`);
    await api.patch(`${configMaps}/old`, "merge", { data: { at: "2" } });
    await api.post(configMaps, named("new"));
    const future = await versionOf(server);
    const changes = Number(future) - Number(version);
    assert.equal(await strikeNow(server, { fault: "restore", on: "now", changes }), 200);
    await stream.find(({ object }) => object.at("metadata", "name") === "new");
    await stream.ended();
    assert.deepEqual((await api.get(`${configMaps}/old`)).body.value, then.body.value);
    assert.deepEqual([await namesOf(server), await versionOf(server)], [["old"], version]);
    await using ahead = await api.watch(`${configMaps}?watch=1&resourceVersion=${future}&timeoutSeconds=1`);
    const other = await api.post(configMaps, named("other"));
    // A number that another object had.
    assert.equal(other.body.text("metadata", "resourceVersion"), String(Number(version) + 1));
    await ahead.ended();
    // Controllers go on with the store as it is.
    await api.post("/api/v1/namespaces", named("later"));
    await eventually(
      () => api.get("/api/v1/namespaces/later/serviceaccounts/default"),
      ({ code }) => code === 200,
    );
    assert.equal(await strikeNow(server, { fault: "restore", on: "now", changes: 1_000_000 }), 400);
  });

  it("are the same with the same seed", async () => {
    const faults = [
      { fault: "refused", on: "write", status: 429, rate: 0.2 },
      { fault: "answer-lost", on: "write", rate: 0.2 },
      { fault: "request-lost", on: "read", rate: 0.2 },
      { fault: "close", on: "change", rate: 0.1, where: { resource: "configmaps" } },
    ];
    const live = async (seed: number): Promise<unknown> => {
      const plan = parseFaultPlan(JSON.stringify({ seed, faults }), kubernetesFault);
      await using kubernetes = await startKubernetes({ faults: plan, controlPort: 0 });
      const api = await createApiClient(kubernetes.kubeconfig);
      const met: (number | "lost")[] = [];
      for (let index = 0; index < 30; index += 1) {
        const name = `c${index % 7}`;
        met.push(await outcome(api.post(configMaps, named(name))));
        met.push(await outcome(api.patch(`${configMaps}/${name}`, "merge", { data: { index: String(index) } })));
        met.push(await outcome(api.get(`${configMaps}/${name}`)));
        if (index % 5 === 0) met.push(await outcome(api.delete(`${configMaps}/${name}`)));
      }
      const { history } = (await (await fetch(kubernetes.faultsUrl ?? "")).json()) as { history: readonly object[] };
      assert.ok(history.length > 10);
      return { met, history };
    };
    const first = await live(5);
    assert.deepEqual(await live(5), first);
    assert.notDeepEqual(await live(6), first);
  });
});
