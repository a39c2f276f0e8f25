import assert from "node:assert/strict";
import { it } from "node:test";
import { core, type Tests } from "./world.ts";

/** Server-side apply: who owns which field. */
export const applyTests: Tests = (place) => {
  const service = (name: string, ports: readonly object[], more: object = {}): object => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { ports, ...more },
  });
  const path = (name: string, manager: string): string =>
    `${core(place().namespace, "services")}/${name}?fieldManager=${manager}`;

  it("creates what is missing, merges lists by key, and takes back what a manager no longer names", async () => {
    const { api } = place();
    const http = { name: "http", port: 80 };
    const created = await api.patch(
      path("applied", "one"),
      "apply",
      service("applied", [http], { selector: { app: "a" } }),
    );
    assert.equal(created.code, 201);
    const second = await api.patch(path("applied", "two"), "apply", service("applied", [{ name: "admin", port: 81 }]));
    assert.equal(second.code, 200);
    assert.deepEqual(
      second.body.list("spec", "ports").map((port) => port.at("port")),
      [80, 81],
    );
    const fewer = await api.patch(path("applied", "one"), "apply", service("applied", [http]));
    assert.deepEqual([fewer.body.at("spec", "selector"), fewer.body.list("spec", "ports").length], [undefined, 2]);
    const withdrawn = await api.patch(path("applied", "two"), "apply", service("applied", []));
    assert.deepEqual(
      withdrawn.body.list("spec", "ports").map((port) => port.at("port")),
      [80],
    );
  });

  it("refuses to change another manager's field, unless forced", async () => {
    const { api } = place();
    const external = (policy: string): object => service("owned", [{ port: 80 }], { sessionAffinity: policy });
    await api.patch(path("owned", "one"), "apply", external("None"));
    const refused = await api.patch(path("owned", "two"), "apply", external("ClientIP"));
    assert.deepEqual([refused.code, refused.body.at("reason")], [409, "Conflict"]);
    assert.match(
      refused.body.text("message"),
      /^Apply failed with 1 conflict: conflict with "one": .spec.sessionAffinity$/,
    );
    assert.equal(refused.body.at("details", "causes", 0, "reason"), "FieldManagerConflict");
    const forced = await api.patch(`${path("owned", "two")}&force=true`, "apply", external("ClientIP"));
    assert.deepEqual([forced.code, forced.body.at("spec", "sessionAffinity")], [200, "ClientIP"]);
    const owners = forced.body
      .list("metadata", "managedFields")
      .filter((entry) => JSON.stringify(entry.value).includes("sessionAffinity"));
    assert.deepEqual(
      owners.map((entry) => entry.at("manager")),
      ["two"],
    );
  });

  it("notes who wrote what, and when", async () => {
    const { api, namespace } = place();
    const configMaps = core(namespace, "configmaps");
    await api.post(`${configMaps}?fieldManager=writer`, { metadata: { name: "noted" }, data: { a: "1" } });
    const { body } = await api.patch(`${configMaps}/noted?fieldManager=other`, "merge", { data: { b: "2" } });
    const entries = body.list("metadata", "managedFields");
    const owned = entries.map((entry) => [
      entry.at("manager"),
      entry.at("operation"),
      Object.keys(entry.record("fieldsV1", "f:data")).filter((key) => key !== "."),
    ]);
    assert.deepEqual(
      owned.sort((a, b) => String(a[0]).localeCompare(String(b[0]))),
      [
        ["other", "Update", ["f:b"]],
        ["writer", "Update", ["f:a"]],
      ],
    );
    assert.match(entries[0]?.text("time") ?? "", /Z$/);
  });

  it("wants a manager's name", async () => {
    const { api, namespace } = place();
    const refused = await api.patch(
      `${core(namespace, "services")}/nobody`,
      "apply",
      service("nobody", [{ port: 80 }]),
    );
    assert.equal(refused.code, 422);
    assert.match(refused.body.text("message"), /fieldManager: Required value/);
  });
};
