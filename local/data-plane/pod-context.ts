/** What all pods of the node share. */

import type { BootstrapOptions } from "../../gateway/inject/bootstrap.ts";
import type { KubernetesClient } from "../../gateway/kubernetes/client.ts";
import type { Pod } from "./kubernetes-objects.ts";
import type { ReservedNode } from "./reserve-node.ts";
import type { DataPlaneSettings } from "./settings.ts";

/** What a sidecar is told beside its paths. */
export type ProxyDescription = Omit<BootstrapOptions, "tokenDirectory" | "adminSocketPath">;

export interface PodContext {
  readonly node: ReservedNode;
  /** Holds a directory for each pod; every user can reach it. */
  readonly runDir: string;
  readonly logDir: string;
  readonly client: KubernetesClient;
  readonly settings: DataPlaneSettings;
  /** Path of an Envoy that its user can run, and what to tell each one; undefined: pods with a sidecar cannot run. */
  readonly proxy: { readonly path: string; readonly describe: (pod: Pod) => ProxyDescription } | undefined;
  readonly addresses: { readonly take: () => string; readonly release: (address: string) => void };
  readonly report: (line: string) => void;
  /** Aborted when the data plane itself ends. */
  readonly signal: AbortSignal;
}

/** Where a container's output goes: `<namespace>_<pod>_<container>.log`. */
export function logPath(pod: Pod, container: string, { logDir }: Pick<PodContext, "logDir">): string {
  return `${logDir}/${pod.metadata.namespace ?? "default"}_${pod.metadata.name}_${container}.log`;
}

/** Kubernetes' default of `terminationGracePeriodSeconds`. */
const DEFAULT_GRACE_SECONDS = 30;

/** The time that a pod's programs have after SIGTERM, milliseconds. */
export function graceMs({ metadata, spec }: Pod, { settings }: Pick<PodContext, "settings">): number {
  const asked = metadata.deletionGracePeriodSeconds ?? 0;
  // The API writes 0 into a pod that was deleted by force or before it ran; its programs still get their time.
  const seconds = asked > 0 ? asked : (spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
  return Math.min(seconds * 1_000, settings.maxGraceMs);
}
