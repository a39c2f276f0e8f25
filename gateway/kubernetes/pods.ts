import { type AccountKey, accountKey } from "../../shared/core/mesh/mesh.ts";
import { proxyUuidOf } from "../inject/marks.ts";
import type { KubernetesObject } from "./client.ts";
import { type ClassifiedPod, classAnnotationsOf } from "./workload-classes.ts";

/** A pod as far as the gateway reads it; reduced as it arrives, since pods are many. */
export interface Pod extends ClassifiedPod {
  /** `namespace/name` */
  readonly key: string;
  readonly uid: string;
  readonly account: AccountKey;
  readonly nodeName: string | undefined;
  readonly addresses: readonly string[];
  readonly hostNetwork: boolean;
  readonly terminating: boolean;
  /** Carries our or OSM's sidecar mark. */
  readonly meshed: boolean;
}

type Spec = NonNullable<ClassifiedPod["spec"]> & { readonly nodeName?: string };

export function toPod(object: KubernetesObject): Pod {
  const { metadata } = object;
  const namespace = metadata.namespace ?? "";
  const spec = (object["spec"] ?? {}) as Spec;
  const status = (object["status"] ?? {}) as NonNullable<ClassifiedPod["status"]>;
  const containers = (spec.containers ?? []).map(({ ports }) => ({ ports }));
  const podIPs = status.podIPs ?? [];
  const hostNetwork = spec.hostNetwork === true;
  return {
    key: `${namespace}/${metadata.name}`,
    uid: metadata.uid ?? "",
    account: accountKey(namespace, spec.serviceAccountName ?? "default"),
    nodeName: spec.nodeName,
    addresses: podIPs.flatMap(({ ip }) => (ip === undefined ? [] : [ip])),
    hostNetwork,
    terminating: metadata.deletionTimestamp !== undefined,
    meshed: !hostNetwork && proxyUuidOf(metadata.labels) !== undefined,
    metadata: { namespace, labels: metadata.labels, annotations: classAnnotationsOf(metadata.annotations) },
    spec: { serviceAccountName: spec.serviceAccountName, hostNetwork, containers },
    status: { phase: status.phase, podIPs },
  };
}

/** Of a pod in a list: what `toPod` reads, and no more. A page of them is large, and most of it is status, managed fields and specs of containers. */
export function reducePod({ metadata, spec = {}, status = {} }: KubernetesObject): KubernetesObject {
  const { serviceAccountName, nodeName, hostNetwork, containers } = spec as Spec;
  const { phase, podIPs } = status as NonNullable<ClassifiedPod["status"]>;
  const { managedFields: _, ...kept } = metadata;
  return {
    metadata: { ...kept, annotations: classAnnotationsOf(metadata.annotations) },
    spec: { serviceAccountName, nodeName, hostNetwork, containers: containers?.map(({ ports }) => ({ ports })) },
    status: { phase, podIPs },
  };
}

/** Whether two readings of a pod say the same of what its class is made from. */
export function isClassedAlike(a: Pod, b: Pod): boolean {
  return JSON.stringify([a.metadata, a.spec, a.status]) === JSON.stringify([b.metadata, b.spec, b.status]);
}
