/**
 * Takes one of the machine's sixteen node numbers, before Kubernetes (which needs the service range) and the gateway
 * (which needs an address that pods reach) start. The network namespace is the lock: making one that exists fails.
 */

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { withMachineLock } from "./machine-lock.ts";
import {
  connectNode,
  listNamespaces,
  NODE_COUNT,
  type NodeAddresses,
  nodeAddresses,
  overlap,
  removeNode,
  routedRanges,
} from "./node-network.ts";
import { identifySelf, isRunning, type ProcessIdentity } from "./process-identity.ts";
import { CommandError, runCommand } from "./run-command.ts";

/** Where nodes keep what Envoy's user must be able to read; world-readable, not on a path of the user's own. */
const RUN_ROOT = "/run/weft";
/** Held while a node is taken, given back or cleared. */
const LOCK = "nodes";

/** Plain data: it may travel to the process that runs the data plane. */
export interface ReservedNode extends NodeAddresses {
  /** Directory of this node: owners, pods, logs. Removed with the reservation. */
  readonly runDir: string;
}

export interface NodeReservation extends AsyncDisposable {
  readonly node: ReservedNode;
}

/**
 * Takes the first free node number, after it has removed what killed processes left of any. A number is free when
 * neither a living process holds it nor the machine has routes into its ranges.
 * Needs the rights that `checkMachine` tests; throws `CommandError` without, and an Error when all numbers are taken.
 */
export async function reserveNode(): Promise<NodeReservation> {
  const owner = await identifySelf();
  return withMachineLock(LOCK, async () => {
    const reasons: string[] = [];
    for (let index = 0; index < NODE_COUNT; index += 1) {
      const node = reservedNode(index);
      await clearIfAbandoned(node);
      const taken = await takeNode(node, owner);
      if (taken === undefined) {
        return { node, [Symbol.asyncDispose]: () => withMachineLock(LOCK, () => clearNode(node)) };
      }
      reasons.push(`${index}: ${taken}`);
    }
    throw new Error(`no node number is free on this machine (${reasons.join("; ")})`);
  });
}

/** Adds this process to those that hold the node, so that nobody clears it away while this one lives. */
export async function joinNode(runDir: string): Promise<void> {
  await writeOwner(runDir, await identifySelf());
}

/**
 * Removes namespaces, processes and files of a node whose holders are all dead (process number and start time are
 * compared). A node with a living holder is left alone. Returns whether anything was removed.
 */
export async function removeLeftOvers(runDir: string): Promise<boolean> {
  const index = Number(/\/node-(\d+)$/.exec(runDir)?.[1] ?? Number.NaN);
  if (!Number.isInteger(index)) return false;
  return withMachineLock(LOCK, () => clearIfAbandoned(reservedNode(index)));
}

async function clearIfAbandoned(node: ReservedNode): Promise<boolean> {
  const owners = await readOwners(node.runDir);
  const living = await Promise.all(owners.map(isRunning));
  if (living.includes(true)) return false;
  const exists = owners.length > 0 || (await listNamespaces()).includes(node.namespace);
  if (exists) await clearNode(node);
  return exists;
}

function reservedNode(index: number): ReservedNode {
  return { ...nodeAddresses(index), runDir: `${RUN_ROOT}/node-${index}` };
}

/** Undefined when the node is now ours, otherwise why it is not. */
async function takeNode(node: ReservedNode, owner: ProcessIdentity): Promise<string | undefined> {
  const routes = await routedRanges();
  const wanted = [node.podCidr, node.serviceCidr, `${node.gatewayAddress}/30`];
  const clash = routes.find((route) => wanted.some((range) => overlap(range, route)));
  if (clash !== undefined) return `${clash} has a route`;
  try {
    await runCommand(["ip", "netns", "add", node.namespace]);
  } catch (error) {
    if (error instanceof CommandError && error.output.includes("File exists")) return "taken";
    throw error;
  }
  try {
    await writeOwner(node.runDir, owner);
    await connectNode(node);
  } catch (error) {
    await clearNode(node);
    throw error;
  }
  return undefined;
}

async function clearNode(node: ReservedNode): Promise<void> {
  await removeNode(node);
  await rm(node.runDir, { recursive: true, force: true });
}

async function writeOwner(runDir: string, owner: ProcessIdentity): Promise<void> {
  await mkdir(`${runDir}/owners`, { recursive: true, mode: 0o755 });
  await writeFile(`${runDir}/owners/${owner.pid}`, owner.startTicks);
}

async function readOwners(runDir: string): Promise<ProcessIdentity[]> {
  const names = await readdir(`${runDir}/owners`).catch(() => []);
  return Promise.all(
    names.map(async (name) => ({
      pid: Number(name),
      startTicks: await readFile(`${runDir}/owners/${name}`, "utf8").catch(() => ""),
    })),
  );
}
