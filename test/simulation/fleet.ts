import type { ObjectStore } from "../../local/kubernetes/store/object-store.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import { createModelProxy, type ModelProxy, type ProxyWire } from "./model-proxy.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The proxies of all pods, each on a stream to one of the replicas. */
export interface Fleet {
  /** Nobody refuses anything any more, and everybody comes anew. */
  readonly calm: () => void;
  /** A proxy that has not what its view has; undefined when all have. */
  readonly unsettled: () => string | undefined;
}

interface Member {
  readonly uid: string | undefined;
  readonly proxy: ModelProxy;
  gateway: GatewayProcess | undefined;
}

/** How often proxies look whether their replica is there. Virtual milliseconds. */
const interval = 1500;
/** Share of those looks after which a proxy goes to another replica all the same. */
const restless = 0.02;

export function startFleet(options: {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly store: ObjectStore;
  readonly gateways: ReadonlySet<GatewayProcess>;
  readonly wire: ProxyWire;
  readonly blame: (text: string) => void;
}): Fleet {
  const { time, random, store, gateways, wire, blame } = options;
  const members = new Map<string, Member>();
  let refusals = 0.03;
  const everRefused = new Set<string>();
  let moves = restless;
  const attend = (): void => {
    const pods = new Map(
      store.list("pods").map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, metadata.uid]),
    );
    for (const [pod, { uid, proxy }] of members) {
      if (pods.get(pod) === uid) continue;
      proxy.disconnect();
      members.delete(pod);
    }
    for (const [pod, uid] of pods) {
      const member = members.get(pod) ?? {
        uid,
        proxy: createModelProxy({
          pod,
          time,
          random,
          refusing: () => refusals,
          refused: (...what) => everRefused.add(what.join(" ")),
          wasRefused: (...what) => everRefused.has(what.join(" ")),
          wire,
          blame,
        }),
        gateway: undefined,
      };
      members.set(pod, member);
      const isThere = member.gateway !== undefined && gateways.has(member.gateway) && member.proxy.isConnected();
      if (gateways.size === 0) member.proxy.disconnect();
      else if (!isThere || random.chance(moves)) move(member);
    }
  };
  const move = (member: Member): void => {
    const gateway = random.pick([...gateways]);
    member.gateway = gateway;
    member.proxy.connect(gateway);
  };
  const again = (): void => {
    attend();
    time.after(interval, undefined, again);
  };
  again();
  return {
    calm() {
      refusals = 0;
      moves = 0;
      for (const { proxy } of members.values()) proxy.disconnect();
    },
    unsettled() {
      for (const [pod, { proxy }] of members) {
        const difference = proxy.isConnected() ? proxy.difference() : undefined;
        if (difference !== undefined) return `the proxy of ${pod} ${difference}`;
      }
      return undefined;
    },
  };
}
