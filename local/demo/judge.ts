import type { AppCounters } from "../scenarios/bookstore/apps/counters.ts";
import { binomialInterval } from "./binomial.ts";
import type { Expectation } from "./expectation.ts";

/** What an app told at one moment. */
export interface Reading {
  /** `absent`: there is no such pod; `silent`: there is one, and it does not answer. */
  readonly counters: AppCounters | "absent" | "silent";
  /** Ended attempts of the mesh's clients, which a server's standstill is measured against. */
  readonly clientAttempts: number;
}

export interface Verdict {
  readonly state: "ok" | "undecided" | "failed";
  /** What was seen since, for people. */
  readonly seen: string;
  /** How many events the verdict rests on: successes, denials, or a split's requests. */
  readonly evidence: number;
}

const leastAttempts = 50;
const leastSplitRequests = 400;
/** Chance alone puts one share in a thousand outside the interval of 400 requests, one in ten thousand outside that of 800 as well. */
const mostSplitRequests = 800;
const splitConfidence = 0.999;

/** Whether what happened between two readings is what a row expects. Undecided: more has to happen first. */
export function judge(expectation: Expectation, before: Reading, now: Reading): Verdict {
  const [then, since] = [before.counters, now.counters];
  if (expectation.kind === "absent") {
    const isAbsent = since === "absent";
    return { state: isAbsent ? "ok" : "failed", seen: isAbsent ? "absent" : "it runs", evidence: 0 };
  }
  if (typeof then === "string" || typeof since === "string") {
    return { state: "undecided", seen: typeof since === "string" ? since : "nothing", evidence: 0 };
  }
  if (then.startedAt !== since.startedAt) return { state: "failed", seen: "it was started anew", evidence: 0 };
  if (expectation.side === "server") {
    const clientAttempts = now.clientAttempts - before.clientAttempts;
    return judgeServer(expectation, { served: since.served - then.served, clientAttempts });
  }
  const outcomes = {
    succeeded: difference(then.succeeded, since.succeeded),
    denied: difference(then.denied, since.denied),
  };
  return {
    state: clientState(expectation, outcomes),
    seen: describeOutcomes(outcomes),
    evidence: evidenceOf(expectation, outcomes),
  };
}

type Counts = ReadonlyMap<string, number>;

interface Outcomes {
  readonly succeeded: Counts;
  readonly denied: Counts;
}

function judgeServer(
  { kind }: Extract<Expectation, { side: "server" }>,
  { served, clientAttempts }: { readonly served: number; readonly clientAttempts: number },
): Verdict {
  if (kind === "increments") {
    return { state: served >= leastAttempts ? "ok" : "undecided", seen: `${served} served`, evidence: served };
  }
  const seen = `${served} served during ${clientAttempts} attempts`;
  const state = served > 0 ? "failed" : clientAttempts >= leastAttempts ? "ok" : "undecided";
  return { state, seen, evidence: served };
}

function clientState(
  expectation: Extract<Expectation, { side: "client" }>,
  { succeeded, denied }: Outcomes,
): Verdict["state"] {
  switch (expectation.kind) {
    case "increments": {
      if ([...succeeded.keys()].some((identity) => !expectation.from.includes(identity))) return "failed";
      const all = expectation.from.every((identity) => succeeded.has(identity));
      return all && total(succeeded) >= leastAttempts ? "ok" : "undecided";
    }
    case "frozen": {
      if (succeeded.size > 0 || [...denied.keys()].some((denial) => denial !== expectation.denial)) return "failed";
      return total(denied) >= leastAttempts ? "ok" : "undecided";
    }
    case "split":
    case "mixed":
      return splitState(expectation.shares, { succeeded, denied });
  }
}

/** Other denials than those with a share do not count; no other success may be. */
function splitState(shares: Readonly<Record<string, number>>, { succeeded, denied }: Outcomes): Verdict["state"] {
  if ([...succeeded.keys()].some((identity) => !(identity in shares))) return "failed";
  const parts = Object.entries(shares).map(([part, share]) => ({
    share,
    count: succeeded.get(part) ?? denied.get(part) ?? 0,
  }));
  const requests = parts.reduce((sum, { count }) => sum + count, 0);
  if (requests < leastSplitRequests) return "undecided";
  const fits = parts.every(({ share, count }) => {
    const { least, most } = binomialInterval(requests, share, splitConfidence);
    return count >= least && count <= most;
  });
  if (fits) return "ok";
  return requests < mostSplitRequests ? "undecided" : "failed";
}

function evidenceOf(expectation: Extract<Expectation, { side: "client" }>, { succeeded, denied }: Outcomes): number {
  switch (expectation.kind) {
    case "increments":
      return total(succeeded);
    case "frozen":
      return denied.get(expectation.denial) ?? 0;
    case "split":
    case "mixed":
      return total(succeeded) + total(denied);
  }
}

/** `58 bookstore-v1, 2 closed`; `nothing` when no attempt has ended. */
function describeOutcomes({ succeeded, denied }: Outcomes): string {
  const parts = [...sorted(succeeded), ...sorted(denied)].map(([part, count]) => `${count} ${part}`);
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

function sorted(counts: Counts): readonly (readonly [string, number])[] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What grew, and by how much. */
function difference(before: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>): Counts {
  const grown = Object.entries(now).map(([key, count]) => [key, count - (before[key] ?? 0)] as const);
  return new Map(grown.filter(([, count]) => count > 0));
}

function total(counts: Counts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
