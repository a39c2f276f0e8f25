import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import { type KubernetesCall, KubernetesRefusal } from "../kubernetes/client.ts";
import { createFakeApi } from "../kubernetes/client-fixture.ts";
import { createProblemEvents } from "./problem-events.ts";

const split: Problem = {
  code: "backend-not-found",
  object: { group: "split.smi-spec.io", kind: "TrafficSplit", namespace: "shop", name: "cart" },
  message: "the backend cart-v3 is no Service",
};

interface Written {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly involvedObject: Readonly<Record<string, string>>;
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly count: number;
}

function start(answer: (call: KubernetesCall) => unknown = () => ({})) {
  const api = createFakeApi(answer);
  const faults: string[] = [];
  const events = createProblemEvents({
    client: api,
    instance: "gateway-0",
    now: () => new Date("2026-05-06T07:08:09.123Z"),
    uidOf: ({ name }) => (name === "cart" ? "uid-of-cart" : undefined),
    fault: (error) => faults.push(error.message),
  });
  return {
    api,
    faults,
    events,
    written: () => api.calls.filter(({ method }) => method === "POST").map(({ body }) => body as Written),
  };
}

test("a problem is an Event on its object: reason = code, message = what is wrong and what to do", async () => {
  const { api, events, written } = start();
  await events.show([split]);
  const [event] = written();
  assert.equal(api.calls[0]?.path, "/api/v1/namespaces/shop/events");
  assert.deepEqual(event?.involvedObject, {
    apiVersion: "split.smi-spec.io/v1alpha4",
    kind: "TrafficSplit",
    namespace: "shop",
    name: "cart",
    uid: "uid-of-cart",
  });
  assert.deepEqual([event?.reason, event?.type, event?.count], ["backend-not-found", "Warning", 1]);
  assert.match(event?.message ?? "", /^the backend cart-v3 is no Service\. \w+/);
});

test("it is written once while it stands, and again when it went and came back", async () => {
  const { events, written } = start();
  const other: Problem = { ...split, message: "the backend cart-v4 is no Service" };
  await events.show([split, split]);
  await events.show([split]);
  await events.show([split, other]);
  assert.equal(written().length, 2);
  await events.show([other]);
  await events.show([split, other]);
  assert.equal(written().length, 3);
  assert.equal(written()[2]?.metadata.name, written()[0]?.metadata.name);
});

test("an Event that is there already is counted up", async () => {
  const { api, events } = start(({ method = "GET" }) =>
    method === "POST" ? new KubernetesRefusal(409, "AlreadyExists", "exists") : { count: 4 },
  );
  await events.show([split]);
  const patch = api.calls.find(({ method }) => method === "PATCH");
  assert.deepEqual(patch?.body, { lastTimestamp: "2026-05-06T07:08:09Z", count: 5 });
});

test("one that cannot be written is told, keeps none of the others back, and is tried with the next round", async () => {
  let refuse = true;
  const { events, faults, written } = start(({ path }) =>
    refuse && path.includes("/away/") ? new KubernetesRefusal(404, "NotFound", "no namespace") : {},
  );
  const away: Problem = { ...split, object: { ...split.object, namespace: "away" } };
  await events.show([away, split]);
  assert.deepEqual([faults, written().length], [["no namespace"], 2]);
  refuse = false;
  await events.show([away, split]);
  await events.show([away, split]);
  assert.equal(written().length, 3);
});

test("the Event's name is valid whatever the object's, and a cluster-wide object's Event is in default", async () => {
  const { events, written } = start();
  const names = ["a".repeat(253), "Xy_Z-", "_", "cart.", "x"];
  await events.show(names.map((name) => ({ ...split, object: { ...split.object, name } })));
  await events.show([{ ...split, object: { group: "", kind: "Namespace", namespace: "", name: "shop" } }]);
  for (const { metadata } of written())
    assert.match(metadata.name, /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
  assert.equal(new Set(written().map(({ metadata }) => metadata.name)).size, names.length + 1);
  const last = written().at(-1);
  assert.deepEqual(
    [last?.metadata.namespace, last?.involvedObject["namespace"], last?.involvedObject["apiVersion"]],
    ["default", undefined, "v1"],
  );
});
