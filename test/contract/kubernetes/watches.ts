import assert from "node:assert/strict";
import { it } from "node:test";
import { CoreV1Api, makeInformer, type V1ConfigMap } from "@kubernetes/client-node";
import { configMap, core, type Tests } from "./world.ts";

/** Streams of changes. */
export const watchTests: Tests = (place) => {
  it("streams what happens after a version", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const { body: list } = await api.get(path);
    const { body: made } = await api.post(path, configMap("watched"));
    await using stream = await api.watch(`${path}?watch=1&resourceVersion=${list.text("metadata", "resourceVersion")}`);
    const added = await stream.next();
    assert.deepEqual(
      [added.type, added.object.at("kind"), added.object.at("metadata", "name")],
      ["ADDED", "ConfigMap", "watched"],
    );
    assert.equal(added.object.at("metadata", "resourceVersion"), made.at("metadata", "resourceVersion"));
    await api.patch(`${path}/watched`, "merge", { data: { a: "1" } });
    const modified = await stream.next();
    assert.deepEqual([modified.type, modified.object.at("data")], ["MODIFIED", { a: "1" }]);
    await api.delete(`${path}/watched`);
    const deleted = await stream.next();
    assert.deepEqual([deleted.type, deleted.object.at("data")], ["DELETED", { a: "1" }]);
    assert.ok(
      Number(deleted.object.at("metadata", "resourceVersion")) >
        Number(modified.object.at("metadata", "resourceVersion")),
    );
  });

  it("streams objects as they enter and leave a selector", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const { body: list } = await api.get(path);
    const version = list.text("metadata", "resourceVersion");
    await using stream = await api.watch(`${path}?watch=1&labelSelector=chosen%3Dyes&resourceVersion=${version}`);
    await api.post(path, configMap("chosen"));
    await api.patch(`${path}/chosen`, "merge", { metadata: { labels: { chosen: "yes" } } });
    assert.equal((await stream.next()).type, "ADDED");
    await api.patch(`${path}/chosen`, "merge", { metadata: { labels: { chosen: "no" } } });
    const left = await stream.next();
    assert.deepEqual([left.type, left.object.at("metadata", "labels")], ["DELETED", { chosen: "yes" }]);
  });

  it("begins with the present objects when no version is given", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    await api.post(path, configMap("present"));
    await using stream = await api.watch(`${path}?watch=1&fieldSelector=metadata.name%3Dpresent`);
    assert.equal((await stream.next()).type, "ADDED");
  });

  it("sends the present objects and a bookmark when asked for a streamed list", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    await api.post(path, configMap("listed"));
    const options = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    await using stream = await api.watch(`${path}?${options}`);
    const seen: string[] = [];
    const bookmark = await stream.find(({ type, object }) => {
      if (type === "ADDED") seen.push(object.text("metadata", "name"));
      return type === "BOOKMARK";
    });
    assert.ok(seen.includes("listed"));
    assert.equal(bookmark.object.at("kind"), "ConfigMap");
    assert.deepEqual(bookmark.object.at("metadata", "annotations"), { "k8s.io/initial-events-end": "true" });
    const refused = await api.get(`${path}?watch=1&sendInitialEvents=true`);
    assert.equal(refused.code, 422);
  });

  it("sends a bookmark before the end, and ends in time", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const { body: list } = await api.get(path);
    const version = list.text("metadata", "resourceVersion");
    await using stream = await api.watch(
      `${path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=4&resourceVersion=${version}&labelSelector=none`,
    );
    // Without any change in the collection there may be nothing to tell.
    await api.post(path, configMap("unselected"));
    assert.equal((await stream.next()).type, "BOOKMARK");
    await stream.ended();
  });

  it("is silent to a watch from the future until that is reached", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    await using stream = await api.watch(`${path}?watch=1&resourceVersion=99999999&timeoutSeconds=2`);
    await api.post(path, configMap("too-early"));
    await stream.ended();
    await assert.rejects(stream.next(), /the watch has ended/);
  });

  it("refuses a list from the future", async () => {
    const { api, namespace } = place();
    const future = "resourceVersion=99999999999";
    const list = await api.get(`${core(namespace, "configmaps")}?${future}&resourceVersionMatch=NotOlderThan`);
    assert.equal(list.code, 504);
    assert.match(list.body.text("message"), /Too large resource version/);
  });

  it("feeds the client library's informer", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const coreApi = api.config.makeApiClient(CoreV1Api);
    const informer = makeInformer<V1ConfigMap>(
      api.config,
      path,
      () => coreApi.listNamespacedConfigMap({ namespace, labelSelector: "informed" }),
      "informed",
    );
    const seen: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const deleted = Promise.withResolvers<void>();
    informer.on("add", ({ metadata }) => {
      seen.push(metadata?.name ?? "");
      if (metadata?.name === "informed-b") arrived.resolve();
    });
    informer.on("delete", () => deleted.resolve());
    await coreApi.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: "informed-a", labels: { informed: "1" } } },
    });
    await informer.start();
    await coreApi.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: "informed-b", labels: { informed: "1" } } },
    });
    await arrived.promise;
    await coreApi.deleteNamespacedConfigMap({ namespace, name: "informed-a" });
    await deleted.promise;
    await informer.stop();
    assert.deepEqual(seen, ["informed-a", "informed-b"]);
  });
};
