import type { ObjectKey } from "../../object.ts";
import type { TcpRoute } from "./schema.ts";

/** The target ports that a TCPRoute names. */
export interface TcpRoutePorts {
  readonly key: ObjectKey;
  readonly ports: "any" | readonly number[];
}

/** No ports, or an empty list of them, means all. */
export function tcpRoutePortsOf(route: TcpRoute & { readonly key: ObjectKey }): TcpRoutePorts {
  const ports = route.spec.matches?.ports ?? [];
  return { key: route.key, ports: ports.length === 0 ? "any" : sortPorts(ports) };
}

/** What any of several routes names. */
export function unionOfPorts(routes: readonly TcpRoutePorts[]): "any" | readonly number[] {
  const union: number[] = [];
  for (const { ports } of routes) {
    if (ports === "any") return "any";
    union.push(...ports);
  }
  return sortPorts(union);
}

function sortPorts(ports: readonly number[]): readonly number[] {
  return [...new Set(ports)].toSorted((a, b) => a - b);
}
