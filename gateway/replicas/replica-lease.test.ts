import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createManualClock } from "../../test/support/manual-clock.ts";
import { type KubernetesCall, KubernetesRefusal } from "../kubernetes/client.ts";
import { createFakeApi, until } from "../kubernetes/client-fixture.ts";
import { startReplicaLease } from "./replica-lease.ts";

const root = "/apis/coordination.k8s.io/v1/namespaces/mesh/leases";

function start(t: TestContext, answer: (call: KubernetesCall) => unknown) {
  const api = createFakeApi(answer);
  const clock = createManualClock();
  const faults: Error[] = [];
  let annotations: Readonly<Record<string, string>> = { said: "first" };
  const lease = startReplicaLease({
    client: api,
    namespace: "mesh",
    name: "weft-replica-a",
    identity: "a",
    duration: 15_000,
    annotations: () => annotations,
    interval: 1,
    clock,
    fault: (error) => faults.push(error),
  });
  let ended = false;
  const end = async (): Promise<void> => {
    if (!ended) await lease[Symbol.asyncDispose]();
    ended = true;
  };
  t.after(end);
  const say = (text: string): void => {
    annotations = { said: text };
    lease.news();
  };
  const sent = (): readonly string[] => api.calls.map(({ method, path }) => `${method} ${path.slice(root.length)}`);
  return { api, clock, faults, say, sent, end, news: lease.news };
}

function said({ body }: KubernetesCall): string | undefined {
  return (body as { readonly metadata: { readonly annotations: Record<string, string> } }).metadata.annotations["said"];
}

test("a Lease that is not there is made, and removed at an orderly end", async (t) => {
  const { api, sent, end } = start(t, ({ method }) =>
    method === "PATCH" ? new KubernetesRefusal(404, "NotFound", "no Lease") : {},
  );
  await until(() => api.calls.length === 2);
  assert.deepEqual(sent(), ["PATCH /weft-replica-a", "POST "]);
  const made = api.calls[1]?.body as { readonly spec: Readonly<Record<string, unknown>> } | undefined;
  assert.equal(made?.spec["holderIdentity"], "a");
  assert.equal(made?.spec["leaseDurationSeconds"], 15);
  await end();
  assert.equal(sent().at(-1), "DELETE /weft-replica-a");
});

test("news are written, the same again is not before a third of the Lease's duration", async (t) => {
  const { api, clock, say, news } = start(t, () => ({}));
  await until(() => api.calls.length === 1);
  say("second");
  await until(() => api.calls.length === 2);
  news();
  say("third");
  await until(() => api.calls.length === 3);
  assert.deepEqual(api.calls.map(said), ["first", "second", "third"]);
  clock.pass(5000);
  news();
  await until(() => api.calls.length === 4);
  assert.equal(api.calls.map(said).at(-1), "third");
});

test("a write that fails is a fault, and is tried again", async (t) => {
  let answers = 0;
  const { api, faults } = start(t, () => (answers++ === 0 ? new KubernetesRefusal(500, "InternalError", "no") : {}));
  await until(() => api.calls.length === 2);
  assert.equal(faults.length, 1);
  assert.equal(api.calls.map(said)[1], "first");
});

test("an end that cannot be told is a fault, and ends all the same", async (t) => {
  const { api, faults, end } = start(t, ({ method }) =>
    method === "DELETE" ? new KubernetesRefusal(500, "InternalError", "no") : {},
  );
  await until(() => api.calls.length === 1);
  await end();
  assert.equal(faults.length, 1);
});
