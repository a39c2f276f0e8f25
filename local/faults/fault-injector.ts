import { hash } from "node:crypto";
import type { FaultBase, FaultPlan, FaultRule } from "./fault-plan.ts";

/** What an operation works on, for `where` and for counting: a hub and its partition, a container, a kind. */
export type FaultSubject = Readonly<Record<string, string>>;

/** A fault that befell an operation. */
export interface FaultRecord<Fault extends FaultBase> {
  readonly fault: Fault;
  readonly subject: FaultSubject;
  /** Which of the operations that fit the rule it was, from 1. */
  readonly occurrence: number;
}

/** Decides which operations are befallen by what. The same plan and operations on each subject give the same decisions. */
export interface FaultInjector<Fault extends FaultBase> {
  /** Counts one operation, and gives what befalls it in the order of the plan. */
  befall(on: Fault["on"], subject: FaultSubject): readonly Fault[];
  /** Another plan from the next operation on; counting begins anew, the history goes on. */
  replace(plan: FaultPlan<Fault>): void;
  readonly plan: FaultPlan<Fault>;
  /** The newest 10,000, oldest first. */
  readonly history: readonly FaultRecord<Fault>[];
}

const historyLimit = 10_000;

interface RuleCounts {
  fits: number;
  hits: number;
  readonly bySubject: Map<string, number>;
}

/** Pure bookkeeping: no clock, no chance beside the plan's seed. Without a plan nothing befalls anybody. */
export function createFaultInjector<Fault extends FaultBase>(
  plan: FaultPlan<Fault> = { seed: 0, rules: [] },
): FaultInjector<Fault> {
  let current = plan;
  let counts = plan.rules.map(newCounts);
  const history: FaultRecord<Fault>[] = [];

  function strikes(rule: FaultRule<Fault>, index: number, subject: FaultSubject): boolean {
    const count = counts[index];
    if (count === undefined) return false;
    const key = JSON.stringify(Object.entries(subject).toSorted(([one], [other]) => (one < other ? -1 : 1)));
    const turn = (count.bySubject.get(key) ?? 0) + 1;
    count.bySubject.set(key, turn);
    count.fits += 1;
    if (rule.limit !== undefined && count.hits >= rule.limit) return false;
    if (rule.from !== undefined && count.fits < rule.from) return false;
    if (rule.at !== undefined && !rule.at.includes(count.fits)) return false;
    if (rule.rate !== undefined && draw(current.seed, index, key, turn) >= rule.rate) return false;
    count.hits += 1;
    history.push({ fault: rule.fault, subject, occurrence: count.fits });
    if (history.length > historyLimit) history.shift();
    return true;
  }

  return {
    befall: (on, subject) =>
      current.rules.flatMap((rule, index) => {
        const fits = rule.fault.on === on && Object.entries(rule.where).every(([key, value]) => subject[key] === value);
        return fits && strikes(rule, index, subject) ? [rule.fault] : [];
      }),
    replace(next) {
      current = next;
      counts = next.rules.map(newCounts);
    },
    get plan() {
      return current;
    },
    history,
  };
}

const newCounts = (): RuleCounts => ({ fits: 0, hits: 0, bySubject: new Map() });

/** A number from 0 up to 1 that depends on nothing but what is given. */
function draw(...parts: readonly (string | number)[]): number {
  return Number.parseInt(hash("sha1", parts.join("\n")).slice(0, 8), 16) / 2 ** 32;
}
