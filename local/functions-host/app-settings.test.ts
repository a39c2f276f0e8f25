import assert from "node:assert/strict";
import { test } from "node:test";
import { expandSettings, findConnection } from "./app-settings.ts";

test("expandSettings() replaces every %NAME%", () => {
  assert.equal(expandSettings("%A%-%B%", { A: "x", B: "y" }), "x-y");
});

test("expandSettings() names the setting that is missing", () => {
  assert.throws(() => expandSettings("%A%", {}), {
    code: "setting-missing",
    message: /The setting A, named in "%A%", is missing/,
  });
});

test("findConnection() takes a connection string before an identity, and names both when there is neither", () => {
  const settings = { HUB: "Endpoint=sb://x", HUB__fullyQualifiedNamespace: "x.servicebus.windows.net" };
  assert.equal(findConnection("HUB", "fullyQualifiedNamespace", settings).kind, "connection-string");
  const identity = { HUB__fullyQualifiedNamespace: "x.servicebus.windows.net" };
  assert.deepEqual(findConnection("HUB", "fullyQualifiedNamespace", identity), {
    kind: "identity",
    name: "HUB",
    endpoint: "x.servicebus.windows.net",
  });
  assert.throws(() => findConnection("HUB", "fullyQualifiedNamespace", {}), /HUB \(or HUB__fullyQualifiedNamespace\)/);
});
