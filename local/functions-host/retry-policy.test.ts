import assert from "node:assert/strict";
import { test } from "node:test";
import { toRetryPolicy } from "./retry-policy.ts";

test("toRetryPolicy() retries nothing when the app declares nothing", () => {
  assert.equal(toRetryPolicy(undefined).maxRetries, 0);
});

test("toRetryPolicy() takes -1 for ever", () => {
  const policy = toRetryPolicy({ retryStrategy: "fixedDelay", maxRetryCount: -1, delayInterval: { seconds: 2 } });
  assert.equal(policy.maxRetries, Number.POSITIVE_INFINITY);
  assert.equal(policy.delay(9, 0.5), 2000);
});

test("toRetryPolicy() doubles an exponential back-off up to its maximum", () => {
  const policy = toRetryPolicy({
    retryStrategy: "exponentialBackoff",
    maxRetryCount: 5,
    minimumInterval: { seconds: 1 },
    maximumInterval: { seconds: 6 },
  });
  const delays = [1, 2, 3, 4].map((retry) => policy.delay(retry, 0.5));
  assert.deepEqual(delays, [1000, 2000, 4000, 6000]);
  assert.equal(policy.delay(1, 0), 1000, "never below the minimum");
});
