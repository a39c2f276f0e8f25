import type { RetryContext } from "./app/core-api.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export type Outcome = "succeeded" | "failed" | "cancelled";

export interface Attempts {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
  /** One attempt. `retry` is missing at the first one. @throws when the attempt failed. */
  attempt(retry: RetryContext | undefined): Promise<void>;
  /** Resolves after that many milliseconds, or early when the signal fires. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
  onFailure(thrown: unknown, retriesLeft: number): void;
}

/**
 * Tries until an attempt succeeds, the policy is used up, or the host stops. The count lives in memory only, as on the platform:
 * another start begins anew (spec/azure.md §6.1).
 */
export async function runWithRetries(attempts: Attempts): Promise<Outcome> {
  const { policy, signal } = attempts;
  let context: RetryContext | undefined;
  for (let retry = 0; ; retry += 1) {
    try {
      await attempts.attempt(context);
      return "succeeded";
    } catch (thrown) {
      const left = policy.maxRetries - retry;
      attempts.onFailure(thrown, Math.max(0, left));
      if (signal.aborted) return "cancelled";
      if (left <= 0) return "failed";
      context = {
        retryCount: retry + 1,
        maxRetryCount: Number.isFinite(policy.maxRetries) ? policy.maxRetries : -1,
        exception: toException(thrown),
      };
      await attempts.wait(policy.delay(retry + 1, Math.random()), signal);
      if (signal.aborted) return "cancelled";
    }
  }
}

function toException(thrown: unknown): { message: string; source: string; stackTrace: string } {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { message: error.message, source: "", stackTrace: error.stack ?? "" };
}

/** The {@link Attempts.wait} of a running host. */
export async function waitOrAbort(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || milliseconds <= 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const onAbort = (): void => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", onAbort);
}
