import { type ServiceKey, serviceKey } from "../../shared/core/mesh/mesh.ts";
import type { KubernetesObject } from "./client.ts";

/** An EndpointSlice as far as the gateway reads it. */
export interface EndpointSlice {
  /** `namespace/name` */
  readonly key: string;
  readonly service: ServiceKey;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** `namespace/name` of the pod, when the endpoint is one. */
  readonly pod: string | undefined;
  /** Of that pod: another one may have its name by now. Undefined where the slice does not say. */
  readonly podUid: string | undefined;
  readonly zone: string | undefined;
}

interface RawSlice {
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[] | null;
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[];
        readonly conditions?: {
          readonly ready?: boolean | null;
          readonly serving?: boolean | null;
          readonly terminating?: boolean | null;
        };
        readonly targetRef?: {
          readonly kind?: string;
          readonly name?: string;
          readonly namespace?: string;
          readonly uid?: string;
        };
        readonly zone?: string;
      }[]
    | null;
}

/** Undefined for a slice that belongs to no Service. Conditions that are not said count as Kubernetes' API says: ready and serving, not terminating. */
export function toEndpointSlice(object: KubernetesObject): EndpointSlice | undefined {
  const namespace = object.metadata.namespace ?? "";
  const service = object.metadata.labels?.["kubernetes.io/service-name"];
  if (service === undefined) return undefined;
  const { ports, endpoints } = object as RawSlice;
  return {
    key: `${namespace}/${object.metadata.name}`,
    service: serviceKey(namespace, service),
    ports: (ports ?? []).flatMap(({ name, port, protocol = "TCP" }) =>
      port === undefined || protocol !== "TCP" ? [] : [{ name: name ?? "", port }],
    ),
    endpoints: (endpoints ?? []).map(({ addresses, conditions, targetRef, zone }) => {
      const ready = conditions?.ready ?? true;
      return {
        addresses: addresses ?? [],
        ready,
        serving: conditions?.serving ?? ready,
        terminating: conditions?.terminating ?? false,
        pod: targetRef?.kind === "Pod" ? `${targetRef.namespace ?? namespace}/${targetRef.name}` : undefined,
        podUid: targetRef?.uid,
        zone,
      };
    }),
  };
}
