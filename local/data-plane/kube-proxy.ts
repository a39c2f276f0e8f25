/** Keeps the node's iptables rules equal to the Services and their endpoints. */

import type { EndpointSlice, Service } from "./kubernetes-objects.ts";
import { createLatest } from "./latest.ts";
import type { NodeAddresses } from "./node-network.ts";
import { inNamespace } from "./node-network.ts";
import { buildServiceRules } from "./service-rules.ts";

export interface KubeProxyOptions {
  readonly node: NodeAddresses;
  readonly services: ReadonlyMap<string, Service>;
  readonly slices: ReadonlyMap<string, EndpointSlice>;
  /** `ip:port` of the cluster DNS. */
  readonly dnsTarget: string;
  readonly report: (line: string) => void;
}

export interface KubeProxy extends AsyncDisposable {
  /** Says that services or slices changed; several changes while a load goes on become one. */
  readonly changed: () => void;
  /** Loads the rules once, now; rejects when they cannot be loaded. */
  readonly load: () => Promise<void>;
}

export function startKubeProxy(options: KubeProxyOptions): KubeProxy {
  const { node, report } = options;
  let loaded = "";
  const load = async (): Promise<void> => {
    const text = buildServiceRules({
      services: options.services.values(),
      slices: options.slices.values(),
      serviceCidr: node.serviceCidr,
      dns: { address: node.nodeAddress, target: options.dnsTarget },
    });
    if (text === loaded) return;
    // The namespace is ours alone, so whole tables are replaced, each in one transaction; connections live on.
    await inNamespace(node.namespace, ["iptables-restore", "--wait", "10"], text);
    loaded = text;
  };
  const rules = createLatest<undefined>(load, report);
  return {
    changed: () => rules.set(undefined),
    load,
    [Symbol.asyncDispose]: () => rules[Symbol.asyncDispose](),
  };
}
