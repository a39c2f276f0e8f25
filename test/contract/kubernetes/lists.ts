import assert from "node:assert/strict";
import { it } from "node:test";
import type { View } from "./api-client.ts";
import { configMap, core, type Tests } from "./world.ts";

const names = (list: View): string[] => list.list("items").map((item) => item.text("metadata", "name"));

/** Lists, selectors, pages and tables. */
export const listTests: Tests = (place) => {
  it("lists by label and field selectors", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const made = [
      ["sel-a", { app: "cart", tier: "back" }],
      ["sel-b", { app: "cart", tier: "front" }],
      ["sel-c", { app: "shop" }],
    ] as const;
    for (const [name, labels] of made)
      await api.post(path, { metadata: { name, labels: { suite: "sel", ...labels } } });
    const select = async (selector: string): Promise<string[]> => {
      const { body } = await api.get(`${path}?labelSelector=${encodeURIComponent(`suite=sel,${selector}`)}`);
      return names(body);
    };
    assert.deepEqual(await select("app=cart"), ["sel-a", "sel-b"]);
    assert.deepEqual(await select("app!=cart"), ["sel-c"]);
    assert.deepEqual(await select("tier in (back, none)"), ["sel-a"]);
    assert.deepEqual(await select("tier notin (back)"), ["sel-b", "sel-c"]);
    assert.deepEqual(await select("!tier"), ["sel-c"]);
    assert.deepEqual(await select("tier"), ["sel-a", "sel-b"]);
    const byName = await api.get(`${path}?fieldSelector=metadata.name%3Dsel-b`);
    assert.deepEqual(names(byName.body), ["sel-b"]);
    const unsupported = await api.get(`${path}?fieldSelector=data.a%3D1`);
    assert.deepEqual([unsupported.code, unsupported.body.at("reason")], [400, "BadRequest"]);
    assert.match(unsupported.body.text("message"), /"data.a" is not a known field selector/);
  });

  it("lists with the version of the moment, items without kind", async () => {
    const { api, namespace } = place();
    const list = await api.get(core(namespace, "configmaps"));
    assert.deepEqual([list.body.at("kind"), list.body.at("apiVersion")], ["ConfigMapList", "v1"]);
    assert.match(list.body.text("metadata", "resourceVersion"), /^\d+$/);
    assert.equal(list.body.at("items", 0, "kind"), undefined);
  });

  it("lists in pages that together are one list", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    for (const name of ["page-a", "page-b", "page-c"])
      await api.post(path, { metadata: { name, labels: { page: "1" } } });
    const first = await api.get(`${path}?labelSelector=page&limit=2`);
    assert.deepEqual(names(first.body), ["page-a", "page-b"]);
    await api.post(path, { metadata: { name: "page-d", labels: { page: "1" } } });
    const token = encodeURIComponent(first.body.text("metadata", "continue"));
    const second = await api.get(`${path}?labelSelector=page&limit=2&continue=${token}`);
    assert.deepEqual(names(second.body), ["page-c"]);
    assert.equal(second.body.at("metadata", "continue") || undefined, undefined);
    assert.equal(second.body.at("metadata", "resourceVersion"), first.body.at("metadata", "resourceVersion"));
  });

  it("deletes what a selector names", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    for (const name of ["many-a", "many-b"]) await api.post(path, { metadata: { name, labels: { many: "1" } } });
    await api.post(path, configMap("many-not"));
    assert.equal((await api.delete(`${path}?labelSelector=many`)).code, 200);
    assert.deepEqual((await api.get(`${path}?labelSelector=many`)).body.at("items"), []);
    assert.equal((await api.get(`${path}/many-not`)).code, 200);
  });

  it("prints tables", async () => {
    const { api, namespace } = place();
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    await api.post(core(namespace, "services"), {
      metadata: { name: "printed" },
      spec: { clusterIP: "None", selector: { app: "x" }, ports: [{ port: 80 }] },
    });
    const { body } = await api.get(`${core(namespace, "services")}/printed`, { accept });
    assert.equal(body.at("kind"), "Table");
    assert.deepEqual(
      body.list("columnDefinitions").map((column) => column.at("name")),
      ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"],
    );
    assert.deepEqual(
      body
        .list("rows", 0, "cells")
        .slice(0, 5)
        .map(({ value }) => value),
      ["printed", "ClusterIP", "None", "<none>", "80/TCP"],
    );
    assert.equal(body.at("rows", 0, "object", "kind"), "PartialObjectMetadata");
  });

  it("tells what it serves", async () => {
    const { api } = place();
    const version = await api.get("/version");
    assert.match(version.body.text("gitVersion"), /^v1\.\d+/);
    const groups = await api.get("/apis");
    assert.ok(groups.body.list("groups").some((group) => group.at("name") === "discovery.k8s.io"));
    const resources = await api.get("/api/v1");
    const pods = resources.body.list("resources").find((resource) => resource.at("name") === "pods");
    assert.deepEqual(pods?.at("shortNames"), ["po"]);
    const aggregated = await api.get("/apis", {
      accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    });
    assert.equal(aggregated.body.at("kind"), "APIGroupDiscoveryList");
    const openApi = await api.get("/openapi/v3");
    const document = await api.get(openApi.body.text("paths", "api/v1", "serverRelativeURL"), {
      accept: "application/json",
    });
    assert.ok(document.body.at("components", "schemas", "io.k8s.api.core.v1.Pod"));
  });
};
