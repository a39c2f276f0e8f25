/** The Node object of this machine, as kubelet registers itself. */

import { hostname } from "node:os";
import process from "node:process";
import { isRefusal, type KubernetesClient, KubernetesRefusal } from "../../gateway/kubernetes/client.ts";
import type { ReservedNode } from "./reserve-node.ts";
import type { DataPlaneSettings } from "./settings.ts";

export interface RegisterNodeOptions {
  readonly client: KubernetesClient;
  readonly node: ReservedNode;
  readonly settings: DataPlaneSettings;
  readonly report: (line: string) => void;
}

/**
 * Makes the Node anew, since its pod range, which cannot be changed, differs from run to run. An API server without Nodes
 * is told of, and does not stop the data plane.
 */
export async function registerNode({ client, node, settings, report }: RegisterNodeOptions): Promise<void> {
  const path = `/api/v1/nodes/${settings.nodeName}`;
  try {
    await client.call({ method: "DELETE", path }).catch((error: unknown) => {
      if (!isRefusal(error, 404)) throw error;
    });
    await client.call({ method: "POST", path: "/api/v1/nodes", body: nodeObject(node, settings) });
    const body = { status: nodeStatus(node, new Date().toISOString()) };
    await client.call({ method: "PATCH", path: `${path}/status`, body });
  } catch (error) {
    if (!(error instanceof KubernetesRefusal)) throw error;
    report(`the Node ${settings.nodeName} could not be registered: ${error.message}`);
  }
}

function nodeObject(node: ReservedNode, { nodeName }: DataPlaneSettings): object {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: nodeName,
      labels: {
        "kubernetes.io/hostname": nodeName,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": process.arch === "x64" ? "amd64" : process.arch,
        "topology.kubernetes.io/zone": "local",
      },
    },
    spec: { podCIDR: node.podCidr, podCIDRs: [node.podCidr] },
  };
}

function nodeStatus(node: ReservedNode, now: string): object {
  return {
    addresses: [
      { type: "InternalIP", address: node.nodeAddress },
      { type: "Hostname", address: hostname() },
    ],
    capacity: { pods: "250" },
    allocatable: { pods: "250" },
    conditions: [
      {
        type: "Ready",
        status: "True",
        reason: "KubeletReady",
        message: "pods run as processes of this machine",
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
    nodeInfo: {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      bootID: "",
      containerRuntimeVersion: "weft-local://1",
      kernelVersion: "",
      kubeProxyVersion: "",
      kubeletVersion: "v1.36.0-weft",
      machineID: "",
      operatingSystem: "linux",
      osImage: "this machine",
      systemUUID: "",
    },
  };
}
