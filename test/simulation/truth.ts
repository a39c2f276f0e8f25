import { type ClusterObjects, startClusterObjects } from "../../gateway/kubernetes/cluster-objects.ts";
import type { JsonObject } from "../../shared/core/canonical.ts";
import { kinds, kindText } from "../../shared/core/events/kinds.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import type { SimulatedKubernetes } from "./kubernetes.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";

/** What the cluster really was, moment by moment: the picture of somebody who hears of every change at once. */
export interface Truth {
  readonly objects: ClusterObjects;
  /** To be called after every change of the cluster. */
  readonly look: () => void;
  /** Did an object ever have this entry? */
  readonly had: (key: string, value: string) => boolean;
  /** Was the cluster, classes aside, ever exactly this? */
  readonly was: (state: Trie) => boolean;
}

const classPrefix = `${kindText(kinds.workloadClass)}/`;

/** Classes follow from pods and Services, which are watched apart, and linger: each observer has them a moment earlier or later. */
export function isClassKey(key: string): boolean {
  return key.startsWith(classPrefix);
}

export async function startTruth(options: {
  readonly kubernetes: SimulatedKubernetes;
  readonly time: VirtualTime;
  readonly network: JsonObject;
  readonly classLinger: number;
}): Promise<Truth> {
  const { kubernetes, time, network, classLinger } = options;
  const actor: Actor = { name: "truth", alive: true };
  const objects = time.as(actor, () =>
    startClusterObjects({
      client: kubernetes.perfectClient,
      network,
      classLinger,
      fault: (error) => {
        throw error;
      },
    }),
  );
  let listed = false;
  void objects.listed.then(() => (listed = true));
  await time.run(time.now() + 1, () => listed);
  const entries = new Map<string, Set<string>>();
  const states = new Set<string>();
  let before: Trie | undefined;
  const look = (): void => {
    const now = objects.objects();
    if (now.root === before?.root) return;
    const changed =
      before === undefined ? [...now.entries()].map(([key, after]) => ({ key, after })) : before.compare(now);
    for (const { key, after } of changed) {
      const own = entries.get(key) ?? new Set();
      if (after !== undefined) own.add(after);
      entries.set(key, own);
    }
    states.add(withoutClasses(now).root);
    before = now;
  };
  look();
  return {
    objects,
    look,
    had: (key, value) => entries.get(key)?.has(value) === true,
    was: (state) => states.has(withoutClasses(state).root),
  };
}

function withoutClasses(state: Trie): Trie {
  const classes = [...state.entries()].filter(([key]) => isClassKey(key));
  return state.with(classes.map(([key]) => [key, undefined] as const));
}
