/**
 * The network of one node: a namespace that stands for the machine, joined to the root namespace by one link.
 * Pods hang on it by point-to-point links, each packet between them is routed, so what the node translates
 * (Service addresses) is translated back on the way home.
 */

import { readdir, readFile, rm } from "node:fs/promises";
import { runCommand } from "./run-command.ts";

/** How many nodes, and so data planes, one machine can have at once. */
export const NODE_COUNT = 16;

/** Everything that follows from a node's number. */
export interface NodeAddresses {
  /** 0–15, free on this machine when it was taken. */
  readonly index: number;
  /** Name of the node's network namespace; the names of its pods' namespaces start with it and a dash. */
  readonly namespace: string;
  readonly podCidr: string;
  /** Kubernetes must hand out cluster IPs from this range. */
  readonly serviceCidr: string;
  /** The root namespace's end of the link. A server bound to it is reached by all pods: the gateway listens here. */
  readonly gatewayAddress: string;
  /** The node's end; pods ask it for names. */
  readonly nodeAddress: string;
  /** Name of the link's end in the root namespace. */
  readonly link: string;
  /** The pods' next hop, on the node's side of every pod's link. */
  readonly podGateway: string;
}

export function nodeAddresses(index: number): NodeAddresses {
  return {
    index,
    namespace: `weft${index}`,
    podCidr: `10.${160 + index}.0.0/16`,
    serviceCidr: `10.${128 + index}.0.0/16`,
    gatewayAddress: `172.29.${index}.1`,
    nodeAddress: `172.29.${index}.2`,
    link: `weft${index}`,
    podGateway: `10.${160 + index}.0.1`,
  };
}

/** Joins the (existing, empty) node namespace to the root namespace and lets it forward. */
export async function connectNode(node: NodeAddresses): Promise<void> {
  const inner = "uplink";
  await ipBatch(undefined, [
    `link add ${node.link} type veth peer name ${inner} netns ${node.namespace}`,
    `addr add ${node.gatewayAddress}/30 dev ${node.link}`,
    `link set ${node.link} up`,
  ]);
  await ipBatch(node.namespace, [
    "link set lo up",
    `addr add ${node.nodeAddress}/30 dev ${inner}`,
    `link set ${inner} up`,
    `route add default via ${node.gatewayAddress}`,
  ]);
  await ipBatch(undefined, [
    `route add ${node.podCidr} via ${node.nodeAddress} src ${node.gatewayAddress}`,
    `route add ${node.serviceCidr} via ${node.nodeAddress} src ${node.gatewayAddress}`,
  ]);
  await setKernelValue(node.namespace, "net/ipv4/ip_forward", "1");
}

/** Ends every process in the node's and its pods' namespaces, then removes namespaces and link. What is gone already is no error. */
export async function removeNode(node: NodeAddresses): Promise<void> {
  const files = await readdir("/etc/netns").catch(() => []);
  const names = new Set([...(await listNamespaces()), ...files]);
  const pods = [...names].filter((name) => name.startsWith(`${node.namespace}-`));
  await Promise.all(pods.map(removeNamespace));
  await removeNamespace(node.namespace);
  await runCommand(["ip", "link", "del", node.link]).catch(() => {});
}

/** Kills what still runs in a namespace and removes it with its files under /etc/netns. */
export async function removeNamespace(name: string): Promise<void> {
  await killNamespace(name);
  await runCommand(["ip", "netns", "del", name]).catch(() => {});
  await rm(`/etc/netns/${name}`, { recursive: true, force: true });
}

/** Kills every process whose network namespace is `name`. Nothing else is touched, whatever its name. */
async function killNamespace(name: string): Promise<void> {
  const listed = await runCommand(["ip", "netns", "pids", name]).catch(() => "");
  for (const pid of listed.split(/\s+/).filter((text) => text !== "")) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself in the meantime.
    }
  }
}

/** Names of all network namespaces of the machine. */
export async function listNamespaces(): Promise<string[]> {
  const listed = await runCommand(["ip", "netns", "list"]);
  return listed.split("\n").flatMap((line) => line.split(" ")[0] || []);
}

/** Runs `ip` commands, one a line, in a namespace or (undefined) the root namespace. */
export async function ipBatch(namespace: string | undefined, lines: readonly string[]): Promise<void> {
  const where = namespace === undefined ? [] : ["-n", namespace];
  await runCommand(["ip", ...where, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** Runs a program in a namespace. */
export async function inNamespace(namespace: string, argv: readonly string[], input?: string): Promise<string> {
  return runCommand(["ip", "netns", "exec", namespace, ...argv], input === undefined ? {} : { input });
}

/** Sets a value under /proc/sys as it holds inside a namespace. */
export async function setKernelValue(namespace: string, name: string, value: string): Promise<void> {
  await inNamespace(namespace, ["tee", `/proc/sys/${name}`], value);
}

/** IPv4 ranges that the machine already has routes to, default routes left out. */
export async function routedRanges(): Promise<string[]> {
  const table = await readFile("/proc/net/route", "utf8");
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.split("\t");
      const [destination, mask] = [fields[1], fields[7]];
      if (destination === undefined || mask === undefined || mask === "00000000") return [];
      return [`${fromKernelHex(destination)}/${maskLength(mask)}`];
    });
}

/** Whether two IPv4 ranges share an address. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [parseRange(one), parseRange(other)];
  const length = Math.min(a.length, b.length);
  const mask = length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
  return (a.address & mask) >>> 0 === (b.address & mask) >>> 0;
}

function parseRange(range: string): { address: number; length: number } {
  const [address = "", length = "32"] = range.split("/");
  return {
    address: address.split(".").reduce((sum, octet) => ((sum << 8) | Number(octet)) >>> 0, 0),
    length: Number(length),
  };
}

/** The kernel prints addresses as the hexadecimal of a little-endian word. */
function fromKernelHex(hex: string): string {
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(".");
}

function maskLength(hex: string): number {
  return Number.parseInt(hex, 16).toString(2).replaceAll("0", "").length;
}
