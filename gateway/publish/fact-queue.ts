import type { ClusterFact } from "../../shared/core/events/cluster-event.ts";
import type { FactQueue } from "./publisher.ts";

/** Facts beyond this many push out the oldest: they are history, not state. */
const most = 100;

export function createFactQueue(): FactQueue & { readonly add: (fact: ClusterFact) => void } {
  let waiting: readonly ClusterFact[] = [];
  return {
    add(fact) {
      waiting = [...waiting, fact].slice(-most);
    },
    waiting: () => waiting,
    sent(facts) {
      waiting = waiting.filter((fact) => !facts.includes(fact));
    },
  };
}
