import type { RetryOptions } from "./app/core-api.ts";

/** How often a failed invocation is tried again, and after how long. */
export interface RetryPolicy {
  /** Retries after the first attempt; `Infinity` where the app says −1. */
  readonly maxRetries: number;
  /** Milliseconds before the given retry (1 = the first). `random` is in [0, 1). */
  delay(retry: number, random: number): number;
}

const noRetries: RetryPolicy = { maxRetries: 0, delay: () => 0 };

/**
 * The policy an app declared. Intervals arrive in whole seconds, so a policy of 400 ms has no pause at all (spec/azure.md
 * §1.5.5). Exponential back-off doubles from the minimum, spread by a fifth either way, up to the maximum.
 */
export function toRetryPolicy(options: RetryOptions | undefined): RetryPolicy {
  if (options?.maxRetryCount === undefined) return noRetries;
  const maxRetries = options.maxRetryCount < 0 ? Number.POSITIVE_INFINITY : options.maxRetryCount;
  if (options.retryStrategy === "exponentialBackoff") {
    const minimum = (options.minimumInterval?.seconds ?? 0) * 1000;
    const maximum = (options.maximumInterval?.seconds ?? 0) * 1000;
    return {
      maxRetries,
      delay: (retry, random) => Math.min(maximum, Math.max(minimum, minimum * 2 ** (retry - 1) * (0.8 + 0.4 * random))),
    };
  }
  const interval = (options.delayInterval?.seconds ?? 0) * 1000;
  return { maxRetries, delay: () => interval };
}
