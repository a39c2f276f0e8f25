import assert from "node:assert/strict";
import { test } from "node:test";
import { withTimeLimit } from "./time-limit.ts";

test("withTimeLimit() gives what the work gives, or throws what it throws", async () => {
  assert.equal(await withTimeLimit("it", 60_000, Promise.resolve(1)), 1);
  await assert.rejects(withTimeLimit("it", 60_000, Promise.reject(new Error("own fault"))), /own fault/);
});

test("withTimeLimit() fails as unavailable when the work takes longer, whatever becomes of it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const work = Promise.withResolvers<never>();
  const limited = withTimeLimit("reading", 1000, work.promise);
  t.mock.timers.tick(1000);
  await assert.rejects(limited, { code: "unavailable", message: "reading took longer than 1000 ms" });
  work.reject(new Error("too late to matter"));
  await new Promise((resolve) => setImmediate(resolve));
});
