import assert from "node:assert/strict";
import { it } from "node:test";
import type { Answer, View } from "./api-client.ts";
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

  it("lists an exact older state, a newest one, and one that is not too old", async () => {
    const { api, namespace } = place();
    const path = `${core(namespace, "configmaps")}?labelSelector=state`;
    const make = (name: string): Promise<Answer> =>
      api.post(core(namespace, "configmaps"), { metadata: { name, labels: { state: "1" } }, data: { at: "1" } });
    await make("state-a");
    await make("state-b");
    const then = (await api.get(path)).body.text("metadata", "resourceVersion");
    await make("state-c");
    await api.patch(`${core(namespace, "configmaps")}/state-a`, "merge", { data: { at: "2" } });
    await api.delete(`${core(namespace, "configmaps")}/state-b`);
    const exact = await api.get(`${path}&resourceVersion=${then}&resourceVersionMatch=Exact`);
    assert.deepEqual(
      [names(exact.body), exact.body.at("items", 0, "data", "at"), exact.body.at("metadata", "resourceVersion")],
      [["state-a", "state-b"], "1", then],
    );
    // A page without a match is exact, too.
    assert.deepEqual(names((await api.get(`${path}&resourceVersion=${then}&limit=5`)).body), ["state-a", "state-b"]);
    assert.deepEqual(names((await api.get(path)).body), ["state-a", "state-c"]);
    const later = await api.get(`${path}&resourceVersion=${then}&resourceVersionMatch=NotOlderThan`);
    assert.ok(Number(later.body.text("metadata", "resourceVersion")) >= Number(then));
    assert.equal((await api.get(`${path}&resourceVersion=0`)).code, 200);
    const refusals = [
      ["resourceVersionMatch=Exact", "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"],
      [
        "resourceVersion=0&resourceVersionMatch=Exact",
        'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
      ],
      [
        "resourceVersion=1&resourceVersionMatch=Other",
        'Unsupported value: "Other": supported values: "Exact", "NotOlderThan", ""',
      ],
    ] as const;
    for (const [query, message] of refusals) {
      const refused = await api.get(`${path}&${query}`);
      assert.deepEqual([refused.code, refused.body.at("details", "causes", 0, "message")], [422, message]);
    }
    const unreadable = await api.get(`${path}&resourceVersion=abc`);
    assert.deepEqual([unreadable.code, unreadable.body.at("reason")], [400, "BadRequest"]);
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
