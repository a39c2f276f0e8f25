import assert from "node:assert/strict";
import { before, it } from "node:test";
import { type ApiClient, eventually } from "./api-client.ts";
import type { Tests } from "./world.ts";

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const spec = {
  type: "object",
  required: ["size"],
  properties: {
    size: { type: "integer", minimum: 1, maximum: 10 },
    color: { type: "string", enum: ["red", "blue"], default: "blue" },
    code: { type: "string", pattern: "^[a-z]+$" },
    list: {
      type: "array",
      minItems: 1,
      items: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
    },
    labels: { type: "object", additionalProperties: { type: "string" } },
    anything: { "x-kubernetes-preserve-unknown-fields": true },
    port: { "x-kubernetes-int-or-string": true },
    when: { type: "string", format: "date-time" },
    either: {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "string" } },
      oneOf: [{ required: ["a"] }, { required: ["b"] }],
    },
    few: { type: "object", maxProperties: 1, additionalProperties: { type: "integer" } },
    nested: { type: "object", default: {}, properties: { deep: { type: "boolean", default: true } } },
  },
};

function definition(group: string): object {
  const schema = (more: object): object => ({
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: { ...spec, properties: { ...spec.properties, ...more } },
        status: { type: "object", properties: { phase: { type: "string" } } },
      },
    },
  });
  const columns = [
    { name: "Size", type: "integer", jsonPath: ".spec.size" },
    { name: "Names", type: "string", jsonPath: ".spec.list[*].name" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ];
  const version = { served: true, subresources: { status: {} }, additionalPrinterColumns: columns };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget", shortNames: ["wd"] },
      versions: [
        { ...version, name: "v1", storage: true, schema: schema({ added: { type: "string" } }) },
        { ...version, name: "v1alpha1", storage: false, schema: schema({}) },
      ],
    },
  };
}

const isEstablished = (body: { list(...keys: string[]): readonly { at(key: string): unknown }[] }): boolean =>
  body.list("status", "conditions").some((each) => each.at("type") === "Established" && each.at("status") === "True");

/** Custom resources: schemas, versions, status, columns. */
export const customResourceTests: Tests = (place) => {
  let group: string;
  let path: string;
  let api: ApiClient;
  const widget = (name: string, fields: object, version = "v1"): object => ({
    apiVersion: `${group}/${version}`,
    kind: "Widget",
    metadata: { name },
    spec: fields,
  });

  before(async () => {
    api = place().api;
    group = `${place().namespace}.example`;
    path = `/apis/${group}/v1/namespaces/${place().namespace}/widgets`;
    const made = await api.post(crds, definition(group));
    assert.equal(made.code, 201);
    await eventually(
      () => api.get(`${crds}/widgets.${group}`),
      ({ body }) => isEstablished(body),
    );
    await eventually(
      () => api.get(path),
      ({ code }) => code === 200,
    );
  });

  it("fills in defaults, drops unknown fields and keeps what may be anything", async () => {
    const made = await api.post(
      path,
      widget("plain", { size: 3, none: 1, anything: { a: [1] }, port: "http", list: [{ name: "a", more: 1 }] }),
    );
    assert.equal(made.code, 201);
    assert.deepEqual(made.body.at("spec"), {
      size: 3,
      color: "blue",
      anything: { a: [1] },
      port: "http",
      list: [{ name: "a" }],
      nested: { deep: true },
    });
    assert.match(made.warnings, /unknown field \\?"spec.none/);
    const strict = await api.post(`${path}?fieldValidation=Strict`, widget("strict", { size: 3, none: 1 }));
    assert.deepEqual(
      [strict.code, strict.body.at("message")],
      [400, 'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.none"'],
    );
  });

  it("refuses what its schema forbids, with a cause for each fault", async () => {
    const faulty = { size: 11, color: "green", code: "A1", list: [{}], labels: { a: 1 }, port: true };
    const refused = await api.post(path, widget("faulty", faulty));
    assert.deepEqual([refused.code, refused.body.at("reason")], [422, "Invalid"]);
    const causes = refused.body
      .list("details", "causes")
      .map((cause) => [cause.text("field"), cause.text("message")].join(": "));
    assert.deepEqual(causes.sort(), [
      "spec.code: Invalid value: \"A1\": spec.code in body should match '^[a-z]+$'",
      'spec.color: Unsupported value: "green": supported values: "red", "blue"',
      'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
      "spec.list[0].name: Required value",
      'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
      "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10",
    ]);
    const missing = await api.post(path, widget("missing", { list: [] }));
    assert.match(missing.body.text("message"), /^Widget\..* "missing" is invalid: \[/);
    assert.match(missing.body.text("message"), /spec.size: Required value/);
    assert.match(
      missing.body.text("message"),
      /spec.list: Invalid value: 0: spec.list in body should have at least 1 items/,
    );
  });

  it("refuses formats, alternatives and numbers of fields in the words of its schema", async () => {
    const refused = await api.post(
      path,
      widget("formed", { size: 1, when: "soon", either: { a: "1", b: "1" }, few: { a: 1, b: 2 } }),
    );
    const causes = refused.body
      .list("details", "causes")
      .map((cause) => `${cause.text("field")}: ${cause.text("message")}`);
    assert.deepEqual(causes.sort(), [
      '<nil>: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      "spec.few: Too many: 2: must have at most 1 item",
      'spec.when: Invalid value: "soon": spec.when in body must be of type date-time: "soon"',
    ]);
    const unnamed = await api.post(path, { metadata: { name: "unnamed" }, spec: { size: 1 } });
    assert.deepEqual([unnamed.code, unnamed.body.at("reason")], [400, "BadRequest"]);
    assert.match(unnamed.body.text("message"), /Object 'Kind' is missing in/);
    const other = await api.post(path, { ...widget("other", { size: 1 }), kind: "Other" });
    assert.deepEqual(
      [other.code, other.body.at("details", "causes", 0, "message")],
      [422, 'Invalid value: "Other": must be Widget'],
    );
  });

  it("counts generations by the spec, and keeps status apart", async () => {
    await api.post(path, widget("counted", { size: 1 }));
    const labelled = await api.patch(`${path}/counted`, "merge", { metadata: { labels: { a: "1" } } });
    assert.equal(labelled.body.at("metadata", "generation"), 1);
    const changed = await api.patch(`${path}/counted`, "merge", { spec: { size: 2 }, status: { phase: "Lost" } });
    assert.deepEqual([changed.body.at("metadata", "generation"), changed.body.at("status")], [2, undefined]);
    const status = await api.patch(`${path}/counted/status`, "merge", {
      spec: { size: 9 },
      status: { phase: "Ready" },
    });
    assert.deepEqual(
      [status.body.at("metadata", "generation"), status.body.at("spec", "size"), status.body.at("status")],
      [2, 2, { phase: "Ready" }],
    );
  });

  it("wants a version for an update, and knows no strategic merge", async () => {
    const { body } = await api.post(path, widget("replaced", { size: 1 }));
    const without = await api.put(`${path}/replaced`, widget("replaced", { size: 2 }));
    assert.equal(without.code, 422);
    assert.match(
      without.body.text("message"),
      /metadata.resourceVersion: Invalid value: .*must be specified for an update/,
    );
    const replaced = await api.put(`${path}/replaced`, { ...body.record(), spec: { size: 2 } });
    assert.deepEqual([replaced.code, replaced.body.at("spec", "size")], [200, 2]);
    const strategic = await api.patch(`${path}/replaced`, "strategic", { spec: { size: 3 } });
    assert.equal(strategic.code, 415);
  });

  it("serves all versions of an object", async () => {
    const { namespace } = place();
    const older = `/apis/${group}/v1alpha1/namespaces/${namespace}/widgets`;
    await api.post(older, widget("old", { size: 1 }, "v1alpha1"));
    const newer = await api.get(`${path}/old`);
    assert.deepEqual([newer.body.at("apiVersion"), newer.body.at("spec", "size")], [`${group}/v1`, 1]);
    await using stream = await api.watch(`${older}?watch=1&fieldSelector=metadata.name%3Dold`);
    assert.equal((await stream.next()).object.at("apiVersion"), `${group}/v1alpha1`);
    await api.patch(`${path}/old`, "merge", { spec: { added: "new" } });
    const event = await stream.next();
    assert.deepEqual(
      [event.type, event.object.at("apiVersion"), event.object.at("spec", "added")],
      ["MODIFIED", `${group}/v1alpha1`, undefined],
    );
  });

  it("lists with kind, and prints the columns of the definition", async () => {
    await api.post(path, widget("printed", { size: 4, list: [{ name: "a" }, { name: "b" }] }));
    const list = await api.get(path);
    assert.deepEqual([list.body.at("kind"), list.body.at("items", 0, "kind")], ["WidgetList", "Widget"]);
    const table = await api.get(`${path}/printed`, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
    const columns = table.body.list("columnDefinitions").map((column) => column.at("name"));
    assert.deepEqual(columns, ["Name", "Size", "Names", "Age"]);
    assert.deepEqual(
      table.body
        .list("rows", 0, "cells")
        .slice(0, 3)
        .map(({ value }) => value),
      ["printed", 4, "a"],
    );
  });

  it("refuses a definition that is not structural", async () => {
    const versions = [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", properties: { spec: {} } } },
      },
    ];
    const spec = { group, scope: "Namespaced", names: { plural: "gadgets", kind: "Gadget" }, versions };
    const refused = await api.post(crds, { metadata: { name: `gadgets.${group}` }, spec });
    assert.equal(refused.code, 422);
    assert.match(
      refused.body.text("message"),
      /properties\[spec\]\.type: Required value: must not be empty for specified object fields/,
    );
    const faulty = { type: "object", properties: { a: { type: "integer", default: "x" } } };
    const [version] = versions;
    const defaulted = await api.post(crds, {
      metadata: { name: `gadgets.${group}` },
      spec: { ...spec, versions: [{ ...version, schema: { openAPIV3Schema: faulty } }] },
    });
    assert.match(
      defaulted.body.text("message"),
      /properties\[a\]\.default: Invalid value: "string": {2}in body must be of type integer: "string"/,
    );
    const stored = await api.get(`${crds}/widgets.${group}`);
    const scope = { ...stored.body.record("spec"), scope: "Cluster" };
    const moved = await api.put(`${crds}/widgets.${group}`, { ...stored.body.record(), spec: scope });
    assert.deepEqual(
      [moved.code, moved.body.at("details", "causes", 0, "message")],
      [422, 'Invalid value: "Cluster": field is immutable'],
    );
    const misnamed = await api.post(crds, { metadata: { name: `other.${group}` }, spec });
    assert.match(
      misnamed.body.text("message"),
      /metadata.name: Invalid value: .*: must be spec.names.plural\+"."\+spec.group/,
    );
  });

  it("says Expired to a watch from before what it remembers", async () => {
    await using stream = await api.watch(`${path}?watch=1&resourceVersion=1`);
    const error = await stream.next();
    assert.deepEqual([error.type, error.object.at("code"), error.object.at("reason")], ["ERROR", 410, "Expired"]);
    await stream.ended();
  });

  it("clears away the objects with their definition", async () => {
    await using stream = await api.watch(`${path}?watch=1`);
    await api.post(path, widget("last", { size: 1 }));
    await stream.find(({ object }) => object.at("metadata", "name") === "last");
    assert.equal((await api.delete(`${crds}/widgets.${group}`)).code, 200);
    await stream.find(({ type, object }) => type === "DELETED" && object.at("metadata", "name") === "last");
    await eventually(
      () => api.get(`${crds}/widgets.${group}`),
      ({ code }) => code === 404,
    );
    await eventually(
      () => api.get(path),
      ({ code }) => code === 404,
    );
  });
};
