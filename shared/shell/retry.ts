import { setTimeout as delay } from "node:timers/promises";
import { MeshError } from "./mesh-error.ts";

export interface RetryOptions {
  readonly attempts: number;
  /** Milliseconds before the second attempt; doubles each time, with full jitter. */
  readonly baseDelay: number;
  readonly maxDelay: number;
  readonly signal?: AbortSignal;
}

/** Repeats what fails by throttling or absence; anything else, and the last failure, is thrown. */
export async function retryTransient<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (thrown) {
      const error = MeshError.from(thrown);
      const transient = error.code === "throttled" || error.code === "unavailable";
      if (!transient || attempt >= options.attempts) throw error;
      await delay(backoff(attempt, options), undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}

/** Full jitter: anywhere between 0 and the doubled base, at most `maxDelay`. Milliseconds. */
export function backoff(attempt: number, options: { readonly baseDelay: number; readonly maxDelay: number }): number {
  return Math.random() * Math.min(options.maxDelay, options.baseDelay * 2 ** (attempt - 1));
}
