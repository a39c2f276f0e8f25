import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { coreSchema } from "../schema/schema.ts";
import { describePath, fieldsOf, fromFieldsV1, toFieldsV1 } from "./field-paths.ts";

const service = coreSchema("", "v1", "Service");

const object = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "x", uid: "1", labels: { a: "1" }, finalizers: ["f"] },
  spec: { type: "ClusterIP", selector: { app: "x" }, ports: [{ port: 80, name: "http" }], clusterIPs: ["10.0.0.1"] },
};

describe("field paths", () => {
  const paths = [...fieldsOf(object, service).keys()];

  it("name single fields, items of keyed lists, and what is atomic as a whole", () => {
    assert.deepEqual(paths.map(describePath).sort(), [
      '.metadata.finalizers[="f"]',
      ".metadata.labels.a",
      ".spec.clusterIPs",
      '.spec.ports[port=80,protocol="TCP"]',
      '.spec.ports[port=80,protocol="TCP"].name',
      '.spec.ports[port=80,protocol="TCP"].port',
      ".spec.selector",
      ".spec.type",
    ]);
  });

  it("go to FieldsV1 and back", () => {
    const fields = toFieldsV1(paths);
    assert.deepEqual(fields["f:spec"], {
      "f:clusterIPs": {},
      "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:name": {}, "f:port": {} } },
      "f:selector": {},
      "f:type": {},
    });
    assert.deepEqual([...fromFieldsV1(fields)].sort(), paths.sort());
  });
});
