import { setTimeout as pause } from "node:timers/promises";

/** Generous, as test machines are busy. Milliseconds. */
const patience = 30_000;
const pollMs = 50;

/** Asks until the answer is neither undefined nor false; fails with the last answer or error. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + patience;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await pause(pollMs);
  }
  const detail = last instanceof Error ? last.message : JSON.stringify(last);
  throw new Error(`${what} did not happen within ${patience} ms; the last look gave ${detail}`);
}
