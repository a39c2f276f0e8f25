import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type KubernetesCall, KubernetesRefusal } from "./client.ts";
import { createFakeApi, type FakeApi, metadataOnly, until } from "./client-fixture.ts";
import { type Collection, type ListWatch, startListWatch } from "./list-watch.ts";

const collection: Collection = {
  group: "split.smi-spec.io",
  version: "v1alpha4",
  olderVersions: ["v1alpha2"],
  plural: "trafficsplits",
  kind: "TrafficSplit",
};
const root = "/apis/split.smi-spec.io";

interface Followed {
  readonly api: FakeApi;
  readonly watch: ListWatch;
  /** What the handlers were told, in order. */
  readonly told: string[];
  readonly faults: string[];
}

function follow(t: TestContext, answer: (call: KubernetesCall) => unknown): Followed {
  const api = createFakeApi(answer);
  const told: string[] = [];
  const faults: string[] = [];
  const text = ({ metadata, apiVersion }: { metadata: { name: string }; apiVersion?: string }): string =>
    `${apiVersion?.split("/")[1]} ${metadata.name}`;
  const watch = startListWatch(api, collection, {
    replaced: (objects) => told.push(`list ${objects.map(text).join(", ")}`),
    applied: (object) => told.push(`applied ${text(object)}`),
    deleted: (object) => told.push(`deleted ${text(object)}`),
    fault: (error) => faults.push(error.message),
  });
  t.after(() => watch[Symbol.asyncDispose]());
  return { api, watch, told, faults };
}

function listOf(resourceVersion: string, ...names: string[]): object {
  return { metadata: { resourceVersion }, items: names.map((name) => metadataOnly(name, resourceVersion)) };
}

function from(resourceVersion: string, version = "v1alpha4"): string {
  return `${root}/${version}/trafficsplits?watch=1&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
}

test("a consistent list, then a watch from its resourceVersion", async (t) => {
  const { api, told } = follow(t, () => listOf("10", "a", "b"));
  await until(() => api.watches.length === 1);
  assert.deepEqual(
    api.calls.map(({ path }) => path),
    [`${root}/v1alpha4/trafficsplits`],
  );
  assert.equal(api.watches[0]?.path, from("10"));
  api.watches[0]?.line({ type: "ADDED", object: metadataOnly("c", "11") });
  api.watches[0]?.line({ type: "MODIFIED", object: metadataOnly("a", "12") });
  api.watches[0]?.line({ type: "DELETED", object: metadataOnly("b", "13") });
  assert.deepEqual(told, [
    "list v1alpha4 a, v1alpha4 b",
    "applied v1alpha4 c",
    "applied v1alpha4 a",
    "deleted v1alpha4 b",
  ]);
});

test("a watch that ends or breaks goes on from the last resourceVersion, which bookmarks move, without a list", async (t) => {
  const { api, told, faults } = follow(t, () => listOf("10"));
  await until(() => api.watches.length === 1);
  api.watches[0]?.line({ type: "ADDED", object: metadataOnly("a", "11") });
  api.watches[0]?.end();
  await until(() => api.watches.length === 2);
  assert.equal(api.watches[1]?.path, from("11"));
  api.watches[1]?.line({ type: "BOOKMARK", object: { metadata: { resourceVersion: "40" } } });
  api.watches[1]?.break();
  await until(() => api.watches.length === 3);
  assert.equal(api.watches[2]?.path, from("40"));
  assert.deepEqual([api.calls.length, told, faults], [1, ["list ", "applied v1alpha4 a"], ["the connection broke"]]);
});

for (const { name, fail } of [
  {
    name: "410 as the answer to a watch",
    fail: (api: FakeApi) => {
      api.refuseWatch = (path) => (path === from("10") ? new KubernetesRefusal(410, "Expired", "too old") : undefined);
      api.watches[0]?.break();
    },
  },
  {
    name: "410 as a line of a watch",
    fail: (api: FakeApi) =>
      api.watches[0]?.line({
        type: "ERROR",
        object: { kind: "Status", code: 410, reason: "Expired", message: "too old" },
      }),
  },
]) {
  test(`${name} means a new list`, async (t) => {
    let version = "10";
    const { api, told, faults } = follow(t, () => listOf(version, `of-${version}`));
    await until(() => api.watches.length === 1);
    version = "90";
    fail(api);
    await until(() => api.watches.length === 2);
    assert.equal(api.watches[1]?.path, from("90"));
    assert.deepEqual(told, ["list v1alpha4 of-10", "list v1alpha4 of-90"]);
    assert.equal(faults.at(-1), "too old");
  });
}

test("a line that is not JSON ends the watch, which goes on from the last resourceVersion", async (t) => {
  const { api, told, faults } = follow(t, () => listOf("10"));
  await until(() => api.watches.length === 1);
  api.watches[0]?.line({ type: "ADDED", object: metadataOnly("a", "11") });
  api.watches[0]?.line('{"type":"MODIFIED","object":{"metad');
  await until(() => api.watches.length === 2);
  assert.equal(api.watches[1]?.path, from("11"));
  assert.deepEqual(told, ["list ", "applied v1alpha4 a"]);
  assert.match(faults[0] ?? "", /JSON/);
});

test("a kind that is not installed counts as empty, and is asked for again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let installed = false;
  const { api, told, faults } = follow(t, () =>
    installed ? listOf("10", "a") : new KubernetesRefusal(404, "NotFound", "no"),
  );
  await until(() => told.length === 1);
  installed = true;
  t.mock.timers.tick(2000);
  await until(() => api.watches.length === 1);
  assert.deepEqual([told, faults], [["list ", "list v1alpha4 a"], []]);
});

test("where only an older version of a kind is served, that one is followed", async (t) => {
  const { api, told } = follow(t, ({ path }) =>
    path.includes("/v1alpha2/") ? listOf("10", "a") : new KubernetesRefusal(404, "NotFound", "no"),
  );
  await until(() => api.watches.length === 1);
  assert.equal(api.watches[0]?.path, from("10", "v1alpha2"));
  api.watches[0]?.line({ type: "ADDED", object: metadataOnly("b", "11") });
  assert.deepEqual(told, ["list v1alpha2 a", "applied v1alpha2 b"]);
});

test("relist ends with a list that began after it was asked for, even while watching or listing", async (t) => {
  const lists: PromiseWithResolvers<object>[] = [];
  const { api, watch, told } = follow(t, () => {
    const list = Promise.withResolvers<object>();
    lists.push(list);
    return list.promise;
  });
  await until(() => lists.length === 1);
  const early = watch.relist();
  lists[0]?.resolve(listOf("10", "before-the-wish"));
  await until(() => lists.length === 2);
  lists[1]?.resolve(listOf("11", "after-the-wish"));
  await early;
  assert.deepEqual(told, ["list v1alpha4 after-the-wish"]);
  await until(() => api.watches.length === 1);
  const later = watch.relist();
  await until(() => lists.length === 3);
  lists[2]?.resolve(listOf("12", "again"));
  await later;
  assert.equal(told.at(-1), "list v1alpha4 again");
  await until(() => api.watches.length === 2);
  assert.equal(api.watches[1]?.path, from("12"));
});

test("a list that fails is tried again, and a wish for one waits for it", async (t) => {
  let fails = 2;
  const { watch, told, faults } = follow(t, () =>
    fails-- > 0 ? new KubernetesRefusal(503, "ServiceUnavailable", "etcd leader changed") : listOf("10", "a"),
  );
  await watch.relist();
  assert.equal(told.at(-1), "list v1alpha4 a");
  assert.ok(faults.length <= 2);
});

test("a handler that throws at a list does not lose the list", async (t) => {
  const api = createFakeApi(() => listOf("10", "a"));
  let calls = 0;
  const watch = startListWatch(api, collection, {
    replaced() {
      if (++calls === 1) throw new Error("not now");
    },
    applied: () => undefined,
    deleted: () => undefined,
    fault: () => undefined,
  });
  t.after(() => watch[Symbol.asyncDispose]());
  await until(() => api.watches.length === 1);
  assert.equal(calls, 2);
});

test("a server that ends every watch at once is asked with growing pauses, not in a loop", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(Math, "random", () => 1);
  const { api } = follow(t, () => listOf("10"));
  await until(() => api.watches.length === 1);
  for (const [index, milliseconds] of [100, 200, 400].entries()) {
    api.watches[index]?.end();
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(milliseconds - 1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(api.watches.length, index + 1);
    t.mock.timers.tick(1);
    await until(() => api.watches.length === index + 2);
  }
});

test("one object of a namespace is listed and watched alone", async (t) => {
  const api = createFakeApi(() => listOf("10"));
  const watch = startListWatch(
    api,
    { group: "", version: "v1", plural: "secrets", kind: "Secret", namespace: "shop", name: "key" },
    { replaced: () => undefined, applied: () => undefined, deleted: () => undefined, fault: () => undefined },
  );
  t.after(() => watch[Symbol.asyncDispose]());
  await until(() => api.watches.length === 1);
  const path = "/api/v1/namespaces/shop/secrets?fieldSelector=metadata.name%3Dkey";
  assert.equal(api.calls[0]?.path, path);
  assert.equal(api.watches[0]?.path, `${path}&watch=1&allowWatchBookmarks=true&resourceVersion=10`);
});

test("stopping ends the watch, and rejects whoever waits for a list", async () => {
  const api = createFakeApi(() => new Promise(() => undefined));
  api.answer = ({ signal }) =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
  const watch = startListWatch(api, collection, {
    replaced: () => undefined,
    applied: () => undefined,
    deleted: () => undefined,
    fault: () => undefined,
  });
  const waiting = assert.rejects(watch.relist(), /stopped/);
  await watch[Symbol.asyncDispose]();
  await waiting;
});
