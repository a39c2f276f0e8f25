import assert from "node:assert/strict";
import { it } from "node:test";
import { eventually } from "./api-client.ts";
import { configMap, core, pod, type Tests } from "./world.ts";

/** Creating, reading, changing and deleting single objects. */
export const objectTests: Tests = (place) => {
  it("creates an object with uid, time and version, and reads it back", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const made = await api.post(path, configMap("made", { data: { a: "1" } }));
    assert.equal(made.code, 201);
    assert.match(made.body.text("metadata", "uid"), /^[0-9a-f-]{36}$/);
    assert.match(made.body.text("metadata", "creationTimestamp"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(made.body.text("metadata", "resourceVersion"), /^\d+$/);
    assert.equal(made.body.at("metadata", "namespace"), namespace);
    const read = await api.get(`${path}/made`);
    assert.equal(read.code, 200);
    assert.deepEqual(read.body.value, made.body.value);
  });

  it("makes a name from generateName", async () => {
    const { api, namespace } = place();
    const made = await api.post(core(namespace, "configmaps"), { metadata: { generateName: "made-" } });
    assert.equal(made.code, 201);
    assert.match(made.body.text("metadata", "name"), /^made-[a-z0-9]{5}$/);
  });

  it("refuses what is there already, what is missing, and what has no name, with Status objects", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    await api.post(path, configMap("twice"));
    const twice = await api.post(path, configMap("twice"));
    assert.deepEqual(
      [twice.code, twice.body.at("reason"), twice.body.at("message")],
      [409, "AlreadyExists", 'configmaps "twice" already exists'],
    );
    const missing = await api.get(`${path}/missing`);
    assert.deepEqual(missing.body.value, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'configmaps "missing" not found',
      reason: "NotFound",
      details: { name: "missing", kind: "configmaps" },
      code: 404,
    });
    const nameless = await api.post(path, { metadata: {} });
    assert.equal(nameless.code, 422);
    assert.match(nameless.body.text("message"), /name or generateName is required/);
    const unknown = await api.get("/apis/none.example/v1/things");
    assert.equal(unknown.code, 404);
  });

  it("refuses an unknown namespace and an unusable name", async () => {
    const { api, namespace } = place();
    const nowhere = await api.post(core("nowhere-at-all", "configmaps"), configMap("a"));
    assert.deepEqual([nowhere.code, nowhere.body.at("message")], [404, 'namespaces "nowhere-at-all" not found']);
    const bad = await api.post(core(namespace, "configmaps"), configMap("Bad_Name"));
    assert.equal(bad.code, 422);
    assert.match(
      bad.body.text("message"),
      /^ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
    );
    assert.equal(bad.body.at("details", "causes", 0, "field"), "metadata.name");
  });

  it("refuses an update of an older version, and stores nothing for one that changes nothing", async () => {
    const { api, namespace } = place();
    const path = `${core(namespace, "configmaps")}/locked`;
    const { body: first } = await api.post(core(namespace, "configmaps"), configMap("locked", { data: { a: "1" } }));
    const second = await api.put(path, { ...first.record(), data: { a: "2" } });
    assert.equal(second.code, 200);
    const stale = await api.put(path, { ...first.record(), data: { a: "3" } });
    assert.deepEqual([stale.code, stale.body.at("reason")], [409, "Conflict"]);
    assert.match(
      stale.body.text("message"),
      /the object has been modified; please apply your changes to the latest version/,
    );
    const same = await api.put(path, second.body.value);
    assert.equal(same.body.at("metadata", "resourceVersion"), second.body.at("metadata", "resourceVersion"));
    const unconditional = await api.put(path, configMap("locked", { data: { a: "4" } }));
    assert.equal(unconditional.code, 200);
  });

  it("patches by JSON patch, merge patch and strategic merge patch", async () => {
    const { api, namespace } = place();
    const path = `${core(namespace, "pods")}/patched`;
    await api.post(core(namespace, "pods"), pod("patched"));
    const json = await api.patch(path, "json", [{ op: "add", path: "/metadata/labels", value: { a: "1", b: "2" } }]);
    assert.deepEqual(json.body.at("metadata", "labels"), { a: "1", b: "2" });
    const failed = await api.patch(path, "json", [{ op: "test", path: "/metadata/labels/a", value: "9" }]);
    assert.equal(failed.code, 422);
    const merge = await api.patch(path, "merge", { metadata: { labels: { a: null, c: "3" } } });
    assert.deepEqual(merge.body.at("metadata", "labels"), { b: "2", c: "3" });
    const strategic = await api.patch(path, "strategic", {
      spec: { containers: [{ name: "c", image: "lab/other:1" }] },
    });
    assert.deepEqual([strategic.code, strategic.body.at("spec", "containers", 0, "image")], [200, "lab/other:1"]);
    const renamed = await api.patch(path, "strategic", { spec: { containers: [{ name: "d", image: "lab/other:1" }] } });
    assert.equal(renamed.code, 422);
    assert.match(
      renamed.body.text("message"),
      /pod updates may not add or remove containers|pod updates may not change fields/,
    );
  });

  it("keeps spec and status apart", async () => {
    const { api, namespace } = place();
    const path = `${core(namespace, "pods")}/two-parts`;
    await api.post(core(namespace, "pods"), pod("two-parts"));
    const ordinary = await api.patch(path, "merge", { status: { podIP: "10.9.9.9" } });
    assert.equal(ordinary.body.at("status", "podIP"), undefined);
    const status = await api.patch(`${path}/status`, "merge", {
      metadata: { labels: { late: "1" } },
      status: { phase: "Running", podIP: "10.9.9.9", podIPs: [{ ip: "10.9.9.9" }] },
    });
    assert.deepEqual([status.code, status.body.at("status", "podIP")], [200, "10.9.9.9"]);
  });

  it("does nothing in a dry run", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    assert.equal((await api.post(`${path}?dryRun=All`, configMap("dry"))).code, 201);
    assert.equal((await api.get(`${path}/dry`)).code, 404);
  });

  it("keeps an object in deletion while a finalizer holds it", async () => {
    const { api, namespace } = place();
    const path = `${core(namespace, "configmaps")}/held`;
    await api.post(core(namespace, "configmaps"), { metadata: { name: "held", finalizers: ["weft.dev/test"] } });
    const deleted = await api.delete(path);
    assert.equal(deleted.code, 200);
    const held = await api.get(path);
    assert.match(held.body.text("metadata", "deletionTimestamp"), /Z$/);
    await api.patch(path, "merge", { metadata: { finalizers: null } });
    assert.equal((await api.get(path)).code, 404);
  });

  it("deletes dependents after their owner, or leaves them as orphans", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const owned = async (owner: string, child: string): Promise<void> => {
      const { body } = await api.post(path, configMap(owner));
      const reference = { apiVersion: "v1", kind: "ConfigMap", name: owner, uid: body.at("metadata", "uid") };
      await api.post(path, { metadata: { name: child, ownerReferences: [reference] } });
    };
    await owned("owner", "child");
    await api.delete(`${path}/owner`, { propagationPolicy: "Background" });
    await eventually(
      () => api.get(`${path}/child`),
      ({ code }) => code === 404,
    );
    await owned("gone", "orphan");
    await api.delete(`${path}/gone`, { propagationPolicy: "Orphan" });
    await eventually(
      () => api.get(`${path}/gone`),
      ({ code }) => code === 404,
    );
    const orphan = await api.get(`${path}/orphan`);
    assert.deepEqual([orphan.code, orphan.body.at("metadata", "ownerReferences")], [200, undefined]);
    await owned("last", "first");
    await api.delete(`${path}/last`, { propagationPolicy: "Foreground" });
    await eventually(
      () => api.get(`${path}/last`),
      ({ code }) => code === 404,
    );
    assert.equal((await api.get(`${path}/first`)).code, 404);
  });

  it("deletes only the version that the client has seen", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const { body } = await api.post(path, configMap("seen"));
    const wrong = await api.delete(`${path}/seen`, { preconditions: { uid: "00000000-0000-0000-0000-000000000000" } });
    assert.deepEqual([wrong.code, wrong.body.at("reason")], [409, "Conflict"]);
    const right = await api.delete(`${path}/seen`, { preconditions: { uid: body.at("metadata", "uid") } });
    assert.deepEqual([right.code, right.body.at("status")], [200, "Success"]);
  });

  it("says which fields it does not know", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const strict = await api.post(`${path}?fieldValidation=Strict`, configMap("strict", { dta: {} }));
    assert.equal(strict.code, 400);
    assert.match(strict.body.text("message"), /strict decoding error: unknown field "dta"/);
    const warned = await api.post(`${path}?fieldValidation=Warn`, configMap("warned", { dta: {} }));
    assert.equal(warned.code, 201);
    assert.match(warned.warnings, /unknown field \\?"dta/);
    assert.equal(warned.body.at("dta"), undefined);
    const wrongType = await api.post(path, configMap("typed", { data: { a: 1 } }));
    assert.equal(wrongType.code, 400);
    assert.match(
      wrongType.body.text("message"),
      /ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number/,
    );
  });

  it("refuses data, owners and finalizers that cannot be", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const messages = async (body: object): Promise<readonly unknown[]> => {
      const { code, body: refused } = await api.post(path, body);
      assert.equal(code, 422);
      return refused.list("details", "causes").map((cause) => `${cause.text("field")}: ${cause.text("message")}`);
    };
    assert.match(
      String(await messages(configMap("keys", { data: { "a b": "1" } }))),
      /^data\[a b\]: Invalid value: "a b"/,
    );
    assert.deepEqual(await messages(configMap("large", { data: { a: "x".repeat(1024 * 1024 + 1) } })), [
      "[]: Too long: may not be more than 1048576 bytes",
    ]);
    const owner = { apiVersion: "v1", kind: "Pod", name: "a", uid: "b", controller: true };
    const nameless = { metadata: { name: "owned", ownerReferences: [{ ...owner, name: "" }] } };
    assert.deepEqual(await messages(nameless), ['metadata.ownerReferences.name: Invalid value: "": must not be empty']);
    const two = { metadata: { name: "owned", ownerReferences: [owner, { ...owner, name: "c", uid: "d" }] } };
    assert.match(String(await messages(two)), /Only one reference can have Controller set to true/);
    assert.deepEqual(await messages({ metadata: { name: "held", finalizers: ["short"] } }), [
      'metadata.finalizers[0]: Invalid value: "short": name is neither a standard finalizer name nor is it fully qualified',
    ]);
    await api.post(path, configMap("fixed", { immutable: true, data: { a: "1" } }));
    const changed = await api.patch(`${path}/fixed`, "merge", { data: { a: "2" } });
    assert.deepEqual(
      [changed.code, changed.body.at("details", "causes", 0, "message")],
      [422, "Forbidden: field is immutable when `immutable` is set"],
    );
  });

  it("refuses options that there are not", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    const asked = [
      await api.post(`${path}?dryRun=Some`, configMap("optional")),
      await api.post(`${path}?fieldValidation=Some`, configMap("optional")),
      await api.delete(`${path}/optional`, { propagationPolicy: "Some" }),
    ];
    assert.deepEqual(
      asked.map(({ code, body }) => [code, body.at("details", "kind"), body.at("details", "causes", 0, "field")]),
      [
        [422, "CreateOptions", "dryRun"],
        [422, "CreateOptions", "fieldValidation"],
        [422, "DeleteOptions", "propagationPolicy"],
      ],
    );
  });

  it("refuses a patch that does not fit, or that means another object", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    await api.post(path, configMap("fitting", { data: { a: "1" } }));
    for (const operation of [
      { op: "test", path: "/data/a", value: "2" },
      { op: "remove", path: "/data/none" },
      { op: "turn", path: "/data/a" },
    ]) {
      const refused = await api.patch(`${path}/fitting`, "json", [operation]);
      assert.deepEqual([refused.code, refused.body.at("reason")], [422, "Invalid"]);
    }
    assert.equal((await api.patch(`${path}/fitting`, "json", { op: "remove" })).code, 400);
    const stale = await api.patch(`${path}/fitting`, "merge", { metadata: { resourceVersion: "1" }, data: { a: "3" } });
    assert.deepEqual([stale.code, stale.body.at("reason")], [409, "Conflict"]);
    const missing = await api.patch(`${path}/none`, "merge", {});
    assert.equal(missing.code, 404);
  });
};
