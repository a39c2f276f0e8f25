import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DecodeError, decodeBuiltIn } from "./decode.ts";
import { applyDefaults } from "./default.ts";
import { prune } from "./prune.ts";
import { coreSchema, type Schema } from "./schema.ts";
import { structuralFaults } from "./structural.ts";
import { validate } from "./validate.ts";

const details = (value: unknown, schema: Schema): string[] =>
  validate(value, schema, "spec").map(({ field, detail }) => `${field}: ${detail}`);

describe("prune()", () => {
  const schema: Schema = {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: {
          known: { type: "string" },
          list: { type: "array", items: { type: "object", properties: { a: { type: "string" } } } },
          map: { type: "object", additionalProperties: { type: "object", properties: { b: { type: "string" } } } },
          open: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { c: { type: "object" } } },
          bare: { type: "object" },
          nullable: { type: "string", nullable: true },
        },
      },
    },
  };

  it("removes what is not declared, wherever it stands, and says where that was", () => {
    const spec = {
      known: "1",
      list: [{ a: "1", z: 1 }],
      map: { any: { b: "1", z: 1 } },
      open: { z: 1, c: { z: 1 } },
      bare: { z: 1 },
      nullable: null,
      none: 1,
    };
    const { object, removed } = prune({ metadata: { name: "x", nme: 1 }, spec }, schema, { dropNull: false });
    assert.deepEqual(object, {
      metadata: { name: "x" },
      spec: {
        known: "1",
        list: [{ a: "1" }],
        map: { any: { b: "1" } },
        open: { z: 1, c: {} },
        bare: {},
        nullable: null,
      },
    });
    assert.deepEqual([...removed].sort(), [
      "metadata.nme",
      "spec.bare.z",
      "spec.list[0].z",
      "spec.map.any.z",
      "spec.none",
      "spec.open.c.z",
    ]);
  });

  it("takes null for a missing field where null is not allowed", () => {
    const { object } = prune({ metadata: {}, spec: { known: null } }, schema, { dropNull: false });
    assert.deepEqual(object["spec"], {});
  });
});

describe("applyDefaults()", () => {
  it("fills in from the outside in", () => {
    const schema: Schema = {
      properties: {
        a: { type: "object", default: {}, properties: { b: { default: 1 }, c: { properties: { d: { default: 2 } } } } },
        list: { items: { properties: { e: { default: [] } } } },
      },
    };
    const value = { list: [{}, { e: [1] }] };
    applyDefaults(value, schema);
    assert.deepEqual(value, { a: { b: 1 }, list: [{ e: [] }, { e: [1] }] });
  });
});

describe("validate()", () => {
  it("speaks of faults as kubectl users know them", () => {
    assert.deepEqual(details("x", { type: "integer" }), [
      'spec: Invalid value: "string": spec in body must be of type integer: "string"',
    ]);
    assert.deepEqual(details(0, { type: "integer", minimum: 1 }), [
      "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
    ]);
    assert.deepEqual(details("ab", { type: "string", maxLength: 1, pattern: "^x" }), [
      "spec: Too long: may not be more than 1 bytes",
      "spec: Invalid value: \"ab\": spec in body should match '^x'",
    ]);
    assert.deepEqual(details({ a: 1 }, { type: "object", required: ["b"], properties: { a: { type: "string" } } }), [
      "spec.b: Required value",
      'spec.a: Invalid value: "integer": spec.a in body must be of type string: "integer"',
    ]);
    assert.deepEqual(details(["a", "a"], { type: "array", "x-kubernetes-list-type": "set" }), [
      'spec[1]: Duplicate value: "a"',
    ]);
  });

  it("knows combinations, int-or-string and null", () => {
    const either: Schema = { anyOf: [{ required: ["a"] }, { required: ["b"] }] };
    assert.deepEqual(details({ a: 1 }, either), []);
    assert.deepEqual(details({}, either), [
      '<nil>: Invalid value: "": "spec" must validate at least one schema (anyOf)',
      "spec.a: Required value",
    ]);
    assert.deepEqual(details({ a: 1, b: 1 }, { oneOf: either.anyOf ?? [] }), [
      '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ]);
    assert.deepEqual(details(1, { not: { type: "integer" } }), [
      '<nil>: Invalid value: "": "spec" must not validate the schema (not)',
    ]);
    assert.deepEqual(
      [1, "1"].flatMap((value) => details(value, { "x-kubernetes-int-or-string": true })),
      [],
    );
    assert.equal(details(true, { "x-kubernetes-int-or-string": true }).length, 1);
    assert.deepEqual(details(null, { type: "string", nullable: true }), []);
    assert.equal(details(null, { type: "string" }).length, 1);
  });
});

describe("structuralFaults()", () => {
  it("wants a type everywhere", () => {
    const schema: Schema = {
      type: "object",
      properties: {
        a: {},
        b: { type: "array" },
        c: { "x-kubernetes-preserve-unknown-fields": true },
        d: { type: "text" },
      },
    };
    assert.deepEqual(
      structuralFaults(schema, "s").map(({ field }) => field),
      ["s.properties[a].type", "s.properties[b].items", "s.properties[d].type"],
    );
  });
});

describe("decodeBuiltIn()", () => {
  const lease = coreSchema("coordination.k8s.io", "v1", "Lease");

  it("stores times in whole seconds, and micro times as they are", () => {
    const decoded = decodeBuiltIn(
      {
        metadata: { creationTimestamp: "2026-01-02T03:04:05.678+01:00" },
        spec: { renewTime: "2026-01-02T03:04:05.000001Z" },
      },
      lease,
    );
    assert.deepEqual(decoded, {
      metadata: { creationTimestamp: "2026-01-02T02:04:05Z" },
      spec: { renewTime: "2026-01-02T03:04:05.000001Z" },
    });
    assert.throws(() => decodeBuiltIn({ spec: { renewTime: "2026-01-02T03:04:05.001Z" } }, lease), DecodeError);
  });

  it("refuses wrong types, naming the field", () => {
    assert.throws(() => decodeBuiltIn({ spec: { leaseDurationSeconds: "15" } }, lease), {
      message: "json: cannot unmarshal string into Go struct field .spec.leaseDurationSeconds of type int32",
    });
    const service = coreSchema("", "v1", "Service");
    assert.deepEqual(decodeBuiltIn({ spec: { ports: [{ targetPort: "a" }, { targetPort: 1 }] } }, service), {
      spec: { ports: [{ targetPort: "a" }, { targetPort: 1 }] },
    });
  });
});
