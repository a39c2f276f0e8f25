import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type BuiltApp, buildApp } from "../testdata/build-app.ts";
import { loadApp } from "./load-app.ts";

function loadFixture(name: string): Promise<unknown> {
  return loadApp(fileURLToPath(new URL(`../testdata/${name}`, import.meta.url)), () => undefined);
}

let app: BuiltApp;
before(async () => {
  app = await buildApp();
});
after(() => app[Symbol.asyncDispose]());

test("loadApp() finds what the bundle registers, and loads it anew each time", async () => {
  for (let start = 0; start < 2; start += 1) {
    await using loaded = await loadApp(app.bundle, () => undefined);
    assert.ok(loaded.registry.functions.has("batches"));
    assert.equal(loaded.model?.name, "@azure/functions");
  }
});

test("loadApp() gets retry intervals in whole seconds: 400 ms are none", async () => {
  await using loaded = await loadApp(app.bundle, () => undefined);
  const { retryOptions } = loaded.registry.functions.get("batches")?.metadata ?? {};
  assert.equal(retryOptions?.delayInterval?.seconds, 0);
  assert.equal(retryOptions?.maxRetryCount, 2);
});

test("loadApp() says in one line what is wrong with an app", async () => {
  await assert.rejects(loadFixture("missing"), { code: "app-not-found", message: /^There is no app at .*missing\.$/ });
  await assert.rejects(loadFixture("throws.cjs"), {
    code: "app-not-loaded",
    message: "The app throws.cjs could not be loaded: the entry point",
  });
  await assert.rejects(loadFixture("duplicate.cjs"), {
    code: "app-not-loaded",
    message: /A function named "twice" is already registered/,
  });
});
