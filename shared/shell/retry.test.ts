import assert from "node:assert/strict";
import { test } from "node:test";
import { MeshError } from "./mesh-error.ts";
import { backoff, retryTransient } from "./retry.ts";

const options = { attempts: 3, baseDelay: 1, maxDelay: 2 };

for (const code of ["throttled", "unavailable"] as const) {
  test(`retryTransient() repeats what is ${code}, so many times`, async () => {
    let calls = 0;
    const work = (): Promise<string> => {
      calls++;
      return Promise.reject(new MeshError(code, `attempt ${calls}`));
    };
    await assert.rejects(retryTransient(options, work), { code, message: "attempt 3" });
  });
}

test("retryTransient() gives what an attempt gives", async () => {
  let calls = 0;
  const answer = await retryTransient(options, async () => {
    if (++calls < 3) throw new MeshError("throttled", "slow down");
    return calls;
  });
  assert.equal(answer, 3);
});

test("retryTransient() repeats nothing else", async () => {
  for (const error of [
    new MeshError("precondition-failed", "no"),
    new MeshError("too-large", "no"),
    new Error("bug"),
  ]) {
    let calls = 0;
    const work = (): Promise<never> => {
      calls++;
      return Promise.reject(error);
    };
    await assert.rejects(retryTransient(options, work), /no|bug/);
    assert.equal(calls, 1);
  }
});

test("retryTransient() ends its wait when told to", async () => {
  const work = () => Promise.reject(new MeshError("unavailable", "away"));
  const signal = AbortSignal.abort();
  await assert.rejects(retryTransient({ attempts: 9, baseDelay: 100_000, maxDelay: 100_000, signal }, work), /abort/i);
});

test("backoff() is anywhere below the doubled base, and below the maximum", (t) => {
  t.mock.method(Math, "random", () => 1);
  const delays = [1, 2, 3, 4, 5, 2000].map((attempt) => backoff(attempt, { baseDelay: 100, maxDelay: 1000 }));
  assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000]);
});
