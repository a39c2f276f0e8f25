/** The network namespace of one pod: an address of its own, a link to the node, name service files, interception. */

import { mkdir, writeFile } from "node:fs/promises";
import type { NodeAddresses } from "./node-network.ts";
import { inNamespace, ipBatch, removeNamespace, setKernelValue } from "./node-network.ts";
import { runCommand } from "./run-command.ts";

export interface PodNetwork extends AsyncDisposable {
  /** Name of the namespace, for `ip netns exec`. */
  readonly namespace: string;
  readonly address: string;
}

export interface PodNetworkOptions {
  readonly node: NodeAddresses;
  /** Part of the namespace's name after the node's: lower case letters, digits and dashes. */
  readonly id: string;
  readonly address: string;
  readonly podName: string;
  readonly podNamespace: string;
}

/** Makes the namespace and connects it. On failure nothing is left. */
export async function createPodNetwork(options: PodNetworkOptions): Promise<PodNetwork> {
  const { node, address } = options;
  const namespace = `${node.namespace}-${options.id}`;
  await writeNameFiles(namespace, options);
  await runCommand(["ip", "netns", "add", namespace]);
  try {
    await connectPod(node, namespace, address);
  } catch (error) {
    await removeNamespace(namespace);
    throw error;
  }
  return { namespace, address, [Symbol.asyncDispose]: () => removeNamespace(namespace) };
}

/** Loads an `iptables-restore` text into the pod's namespace beside what is there, in one transaction. */
export async function loadRules(namespace: string, rules: string): Promise<void> {
  await inNamespace(namespace, ["iptables-restore", "--wait", "10", "--noflush"], rules);
}

/** Hands out pod addresses of a node: upwards, so that an address is not used again soon after its pod went. */
export function createAddressPool(node: NodeAddresses): { take: () => string; release: (address: string) => void } {
  const [a, b] = node.podCidr.split(".");
  const taken = new Set<string>();
  const last = 0xfffe;
  let next = 2;
  return {
    take() {
      for (let tries = 0; tries < last; tries += 1) {
        const address = `${a}.${b}.${next >> 8}.${next & 0xff}`;
        next = next === last ? 2 : next + 1;
        if (!taken.has(address)) {
          taken.add(address);
          return address;
        }
      }
      throw new Error(`all addresses of ${node.podCidr} are in use`);
    },
    release(address) {
      taken.delete(address);
    },
  };
}

async function connectPod(node: NodeAddresses, namespace: string, address: string): Promise<void> {
  const [, , c, d] = address.split(".");
  const outer = `pod${c}-${d}`;
  await ipBatch(node.namespace, [
    `link add ${outer} type veth peer name eth0 netns ${namespace}`,
    `addr add ${node.podGateway}/32 dev ${outer}`,
    `link set ${outer} up`,
    `route add ${address}/32 dev ${outer}`,
  ]);
  await ipBatch(namespace, [
    "link set lo up",
    `addr add ${address}/32 dev eth0`,
    "link set eth0 up",
    `route add ${node.podGateway}/32 dev eth0 scope link`,
    `route add default via ${node.podGateway}`,
  ]);
  // A container may bind low ports whatever its user, as container runtimes set it.
  await setKernelValue(namespace, "net/ipv4/ip_unprivileged_port_start", "0");
}

/** `ip netns exec` lays these over the files of the same name in /etc. */
async function writeNameFiles(namespace: string, options: PodNetworkOptions): Promise<void> {
  const folder = `/etc/netns/${namespace}`;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const zone = "svc.cluster.local";
  await writeFile(
    `${folder}/resolv.conf`,
    `nameserver ${options.node.nodeAddress}\nsearch ${options.podNamespace}.${zone} ${zone} cluster.local\noptions ndots:5\n`,
  );
  await writeFile(
    `${folder}/hosts`,
    `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${options.address}\t${options.podName}\n`,
  );
  // The machine's own file may send look-ups to a resolver on a Unix socket, which no namespace stops.
  await writeFile(`${folder}/nsswitch.conf`, "passwd: files\ngroup: files\nhosts: files dns\n");
}
