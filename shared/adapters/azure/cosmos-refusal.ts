import { MeshError } from "../../shell/mesh-error.ts";

/** An answer that is no success. */
export interface CosmosRefusal {
  /** 0: no answer, and nobody knows whether the request was done. */
  readonly status: number;
  readonly substatus?: number | undefined;
  /** What the service asks to wait, ms. */
  readonly retryAfter?: number | undefined;
  readonly message: string;
  readonly cause?: unknown;
}

/** A refusal on its way to whoever retries or translates it. */
export class CosmosRefused extends Error {
  readonly refusal: CosmosRefusal;

  constructor(refusal: CosmosRefusal) {
    super(refusal.message, { cause: refusal.cause });
    this.name = "CosmosRefused";
    this.refusal = refusal;
  }
}

export interface RetryOptions {
  /** How long refusals are retried that were surely not done, ms. */
  readonly limit: number;
  /** ms on a clock that never goes back. */
  readonly now: () => number;
  readonly pause: (milliseconds: number) => Promise<void>;
  /** 0 up to 1, so that those who were refused together do not come back together. */
  readonly random: () => number;
}

/** First and longest wait between two attempts where the service names none, ms. */
const firstWait = 20;
const longestWait = 1_000;

/**
 * Calls until it succeeds, is refused for good, or the time is over; then throws MeshError as the port says. Only what was
 * surely not done is tried again: throttled (429), retry-with (449), a partition on the move (410), a replica behind the
 * session (404/1002). An answer that never came is the caller's to settle.
 */
export async function withRetries<Result>(
  call: () => Promise<Result>,
  { limit, now, pause, random }: RetryOptions,
): Promise<Result> {
  const begun = now();
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CosmosRefused)) throw error;
      const { refusal } = error;
      const wait = refusal.retryAfter ?? Math.min(longestWait, firstWait * 2 ** attempt);
      const jittered = wait + Math.min(wait, longestWait) * random() * 0.5;
      if (!wasNotDone(refusal) || now() - begun + jittered > limit) throw faultOf(refusal);
      await pause(jittered);
    }
  }
}

/** Whether a replica was behind the session that was shown: nothing is known about the document. */
export function isBehindSession({ status, substatus }: CosmosRefusal): boolean {
  return status === 404 && substatus === 1002;
}

function wasNotDone(refusal: CosmosRefusal): boolean {
  return refusal.status === 429 || refusal.status === 449 || refusal.status === 410 || isBehindSession(refusal);
}

function faultOf(refusal: CosmosRefusal): MeshError {
  const { status, substatus, message, cause } = refusal;
  const code = substatus === undefined ? String(status) : `${status}/${substatus}`;
  const text = `Cosmos DB answered ${status === 0 ? "nothing" : code}: ${message.split("\n")[0]}`;
  if (status === 409 || status === 412) return new MeshError("precondition-failed", text, { cause });
  // 403/1014: the partition has reached its limit.
  if (status === 413 || (status === 403 && substatus === 1014)) return new MeshError("too-large", text, { cause });
  if (status === 429) return new MeshError("throttled", text, { cause });
  const unclear = status === 0 || status === 408 || status >= 500;
  if (unclear || wasNotDone(refusal)) return new MeshError("unavailable", text, { cause });
  return new MeshError("unexpected", text, { cause });
}
