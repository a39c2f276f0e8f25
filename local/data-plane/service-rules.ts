/** Service addresses as the node's iptables rules, with the shape and the effect of kube-proxy's. Pure. */

import { createHash } from "node:crypto";
import { type Endpoint, type EndpointSlice, keyOf, type Service, serviceKeyOf } from "./kubernetes-objects.ts";

export interface ServiceRulesOptions {
  readonly services: Iterable<Service>;
  readonly slices: Iterable<EndpointSlice>;
  readonly serviceCidr: string;
  /** Name look-ups to `address`:53 go to `target`, an `ip:port`. */
  readonly dns: { readonly address: string; readonly target: string };
}

/** Marks a pod's connection to itself through a Service, which must get a source address that comes back here. */
const HAIRPIN_MARK = "0x4000/0x4000";

/**
 * The whole nat and filter tables of the node's namespace, for `iptables-restore`. A connection to clusterIP:port goes
 * to one of the Service's ready endpoints, each as likely; the source address stays, except that of a pod that reaches
 * itself. Without a ready endpoint those serve that are terminating; without any the connection is refused, as is one to
 * an unused address of the service range.
 */
export function buildServiceRules(options: ServiceRulesOptions): string {
  const ports = servicePorts(options);
  const { address, target } = options.dns;
  const lines = [
    "*nat",
    ":WEFT_SERVICES - [0:0]",
    ...ports
      .flatMap(({ chain, endpoints }) => [chain, ...endpoints.map((endpoint) => endpoint.chain)])
      .map((chain) => `:${chain} - [0:0]`),
    "-A PREROUTING -j WEFT_SERVICES",
    "-A OUTPUT -j WEFT_SERVICES",
    `-A POSTROUTING -m mark --mark ${HAIRPIN_MARK} -j MASQUERADE`,
    ...["udp", "tcp"].map(
      (protocol) => `-A WEFT_SERVICES -d ${address}/32 -p ${protocol} --dport 53 -j DNAT --to-destination ${target}`,
    ),
    ...ports.flatMap(portRules),
    "COMMIT",
    "*filter",
    `-A FORWARD -d ${options.serviceCidr} -p tcp -j REJECT --reject-with tcp-reset`,
    `-A FORWARD -d ${options.serviceCidr} -j REJECT`,
    "COMMIT",
  ];
  return `${lines.join("\n")}\n`;
}

interface ServicePortTarget {
  readonly chain: string;
  readonly clusterIp: string;
  readonly protocol: string;
  readonly port: number;
  /** Never empty. */
  readonly endpoints: readonly (Target & { readonly chain: string })[];
}

interface Target {
  readonly address: string;
  readonly port: number;
}

function servicePorts({ services, slices }: ServiceRulesOptions): ServicePortTarget[] {
  const byService = Map.groupBy(slices, (slice) => serviceKeyOf(slice) ?? "");
  const targets: ServicePortTarget[] = [];
  for (const service of services) {
    const { clusterIP, ports = [], type } = service.spec;
    if (type === "ExternalName" || clusterIP === undefined || !clusterIP.includes(".")) continue;
    const own = (byService.get(keyOf(service)) ?? []).filter((slice) => slice.addressType === "IPv4");
    for (const { name = "", protocol = "TCP", port } of ports) {
      const id = `${keyOf(service)}:${name}:${protocol}`;
      const endpoints = usableEndpoints(own, name, protocol).map((target) => ({
        ...target,
        chain: chainName("SEP", `${id}:${target.address}:${target.port}`),
      }));
      if (endpoints.length === 0) continue;
      const chain = chainName("SVC", id);
      targets.push({ chain, clusterIp: clusterIP, protocol: protocol.toLowerCase(), port, endpoints });
    }
  }
  return targets.sort((a, b) => (a.chain < b.chain ? -1 : 1));
}

function usableEndpoints(slices: readonly EndpointSlice[], portName: string, protocol: string): Target[] {
  const pick = (usable: (endpoint: Endpoint) => boolean): Target[] =>
    slices.flatMap((slice) => {
      const port = (slice.ports ?? []).find(
        (candidate) => (candidate.name ?? "") === portName && (candidate.protocol ?? "TCP") === protocol,
      )?.port;
      if (port === undefined) return [];
      const endpoints = (slice.endpoints ?? []).filter(usable);
      return endpoints.flatMap(({ addresses }) => addresses.slice(0, 1).map((address) => ({ address, port })));
    });
  const ready = pick(({ conditions }) => conditions?.ready !== false);
  const chosen = ready.length > 0 ? ready : pick(({ conditions: c }) => c?.serving === true && c.terminating === true);
  const unique = new Map(chosen.map((endpoint) => [`${endpoint.address}:${endpoint.port}`, endpoint]));
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

function portRules({ chain, clusterIp, protocol, port, endpoints }: ServicePortTarget): string[] {
  return [
    `-A WEFT_SERVICES -d ${clusterIp}/32 -p ${protocol} --dport ${port} -j ${chain}`,
    ...endpoints.map((endpoint, index) => {
      const left = endpoints.length - index;
      const chance = left === 1 ? "" : ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}`;
      return `-A ${chain}${chance} -j ${endpoint.chain}`;
    }),
    ...endpoints.flatMap((endpoint) => [
      `-A ${endpoint.chain} -s ${endpoint.address}/32 -j MARK --set-xmark ${HAIRPIN_MARK}`,
      `-A ${endpoint.chain} -p ${protocol} -j DNAT --to-destination ${endpoint.address}:${endpoint.port}`,
    ]),
  ];
}

/** iptables allows 28 characters. */
function chainName(kind: "SVC" | "SEP", id: string): string {
  return `WEFT_${kind}_${createHash("sha256").update(id).digest("hex").slice(0, 16)}`;
}
