import assert from "node:assert/strict";
import { test } from "node:test";
import { type Service, serviceKey } from "../../mesh/mesh.ts";
import type { MeshObject } from "../../object.ts";
import { readObjects } from "../read-object.ts";
import { applyTemplate, templatesFor } from "./apply.ts";
import { templateSchema } from "./schema.ts";

const service: Service = {
  key: serviceKey("shop", "store"),
  namespace: "shop",
  name: "store",
  addresses: ["10.96.0.1"],
  headless: false,
  ports: [],
  source: { group: "", kind: "Service", namespace: "shop", name: "store" },
};

function template(namespace: string, spec: MeshObject["body"]): MeshObject {
  return { key: { group: "weft.dev", kind: "Template", namespace, name: "t" }, uid: "1", body: { spec } };
}

test("templatesFor() picks the policies of the Service's own namespace that name it", () => {
  const { read, problems } = readObjects(
    [
      template("shop", { service: "store", effect: "none" }),
      template("shop", { service: "other", effect: "none" }),
      template("bank", { service: "store", effect: "none" }),
      template("shop", { service: 5, effect: "none" }),
    ],
    templateSchema,
  );
  assert.deepEqual(
    templatesFor(service, read).map(({ key }) => key.namespace),
    ["shop"],
  );
  assert.deepEqual(
    problems.map(({ code }) => code),
    ["object-unreadable"],
  );
});

test("applyTemplate() does nothing, and says so when asked for more", () => {
  const { read } = readObjects([template("shop", { service: "store", effect: "much" })], templateSchema);
  const applied = read.map((policy) => applyTemplate(service, policy));
  assert.deepEqual(
    applied.map((result) => result.service),
    [service],
  );
  assert.deepEqual(
    applied.flatMap(({ problems }) => problems.map(({ message }) => message)),
    ["spec.effect is 'much', not none"],
  );
});
