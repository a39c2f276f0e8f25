/** The iptables rules that lead a pod's TCP traffic through its sidecar: OSM's chains under OSM's names (spec/open-service-mesh.md §1.6). Pure. */

import { PROXY_PORTS } from "./marks.ts";

/** What interception leaves alone. Ranges are IPv4 CIDRs, ports 1–65535. */
export interface InterceptionExclusions {
  readonly inboundPorts?: readonly number[];
  readonly outboundPorts?: readonly number[];
  readonly outboundRanges?: readonly string[];
  /** Not empty: only these ranges are intercepted outbound. */
  readonly includedOutboundRanges?: readonly string[];
  /** Network interfaces, for both directions. */
  readonly interfaces?: readonly string[];
}

export interface InterceptionOptions {
  readonly proxyUid: number;
  readonly inboundPort: number;
  readonly outboundPort: number;
  readonly exclusions?: InterceptionExclusions;
  /** Set in PodIP mode: what Envoy sends to 127.0.0.1 goes to this address of the pod. */
  readonly podIp?: string;
}

/** `multiport` takes at most this many ports in one rule. */
const PORTS_IN_A_RULE = 15;
/** Inbound ports that the sidecar answers itself, outside mTLS. */
const OPEN_PORTS: readonly number[] = [
  PROXY_PORTS.metrics,
  PROXY_PORTS.liveness,
  PROXY_PORTS.readiness,
  PROXY_PORTS.startup,
  PROXY_PORTS.tcpHealthCheck,
];

/**
 * The input of `iptables-restore --noflush` for one pod: the nat table, IPv4 and TCP only, one transaction.
 * The order of the lines is the order of evaluation.
 */
export function buildInterceptionRules(options: InterceptionOptions): string {
  const rules = [
    "*nat",
    ":OSM_PROXY_INBOUND - [0:0]",
    ":OSM_PROXY_IN_REDIRECT - [0:0]",
    ":OSM_PROXY_OUTBOUND - [0:0]",
    ":OSM_PROXY_OUT_REDIRECT - [0:0]",
    ...inboundRules(options),
    ...outboundRules(options),
    "COMMIT",
  ];
  return `${rules.join("\n")}\n`;
}

function inboundRules({ inboundPort, exclusions = {} }: InterceptionOptions): string[] {
  return [
    `-A OSM_PROXY_IN_REDIRECT -p tcp -j REDIRECT --to-port ${inboundPort}`,
    "-A PREROUTING -p tcp -j OSM_PROXY_INBOUND",
    ...(exclusions.interfaces ?? []).map((name) => `-A OSM_PROXY_INBOUND -i ${name} -j RETURN`),
    ...portRules("OSM_PROXY_INBOUND", exclusions.inboundPorts),
    ...OPEN_PORTS.map((port) => `-A OSM_PROXY_INBOUND -p tcp --dport ${port} -j RETURN`),
    "-A OSM_PROXY_INBOUND -p tcp -j OSM_PROXY_IN_REDIRECT",
  ];
}

function outboundRules({ outboundPort, proxyUid, exclusions = {}, podIp }: InterceptionOptions): string[] {
  const owner = `-m owner --uid-owner ${proxyUid}`;
  const included = exclusions.includedOutboundRanges ?? [];
  return [
    `-A OSM_PROXY_OUT_REDIRECT -p tcp -j REDIRECT --to-port ${outboundPort}`,
    ...(podIp === undefined
      ? []
      : [`-A OUTPUT -p tcp -o lo -d 127.0.0.1/32 ${owner} -j DNAT --to-destination ${podIp}`]),
    "-A OUTPUT -p tcp -j OSM_PROXY_OUTBOUND",
    // Envoy calling its own pod by address goes through its inbound side, as a call from any other pod.
    `-A OSM_PROXY_OUTBOUND -o lo ! -d 127.0.0.1/32 ${owner} -j OSM_PROXY_IN_REDIRECT`,
    `-A OSM_PROXY_OUTBOUND -o lo -m owner ! --uid-owner ${proxyUid} -j RETURN`,
    `-A OSM_PROXY_OUTBOUND ${owner} -j RETURN`,
    "-A OSM_PROXY_OUTBOUND -d 127.0.0.1/32 -j RETURN",
    ...(exclusions.interfaces ?? []).map((name) => `-A OSM_PROXY_OUTBOUND -o ${name} -j RETURN`),
    ...(exclusions.outboundRanges ?? []).map((range) => `-A OSM_PROXY_OUTBOUND -d ${range} -j RETURN`),
    ...portRules("OSM_PROXY_OUTBOUND", exclusions.outboundPorts),
    ...included.map((range) => `-A OSM_PROXY_OUTBOUND -d ${range} -j OSM_PROXY_OUT_REDIRECT`),
    `-A OSM_PROXY_OUTBOUND -j ${included.length > 0 ? "RETURN" : "OSM_PROXY_OUT_REDIRECT"}`,
  ];
}

function portRules(chain: string, ports: readonly number[] = []): string[] {
  const rules: string[] = [];
  for (let start = 0; start < ports.length; start += PORTS_IN_A_RULE) {
    const group = ports.slice(start, start + PORTS_IN_A_RULE).join(",");
    rules.push(`-A ${chain} -p tcp --match multiport --dports ${group} -j RETURN`);
  }
  return rules;
}
