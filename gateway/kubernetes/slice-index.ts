import type { ServiceKey } from "../../shared/core/mesh/mesh.ts";
import type { KubernetesObject } from "./client.ts";
import { type EndpointSlice, toEndpointSlice } from "./endpoint-slices.ts";

/** EndpointSlices by the Service that they are of. */
export interface SliceIndex {
  readonly keys: () => Iterable<string>;
  readonly apply: (object: KubernetesObject) => void;
  /** As `apply`, of one that was reduced before. */
  readonly restore: (slice: EndpointSlice) => void;
  /** By `namespace/name` of the slice. */
  readonly remove: (key: string) => void;
  readonly of: (service: ServiceKey) => Iterable<EndpointSlice>;
  readonly all: () => Iterable<EndpointSlice>;
}

/** `changed` is told every Service that a change may concern: a slice that moves to another Service concerns both. */
export function createSliceIndex(changed: (service: ServiceKey) => void): SliceIndex {
  const slices = new Map<ServiceKey, Map<string, EndpointSlice>>();
  const serviceOf = new Map<string, ServiceKey>();
  const remove = (key: string): void => {
    const service = serviceOf.get(key);
    if (service === undefined) return;
    serviceOf.delete(key);
    const own = slices.get(service);
    own?.delete(key);
    if (own?.size === 0) slices.delete(service);
    changed(service);
  };
  const put = (key: string, slice: EndpointSlice | undefined): void => {
    if (slice?.service !== serviceOf.get(key)) remove(key);
    if (slice === undefined) return;
    const own = slices.get(slice.service) ?? new Map<string, EndpointSlice>();
    slices.set(slice.service, own.set(key, slice));
    serviceOf.set(key, slice.service);
    changed(slice.service);
  };
  return {
    keys: () => serviceOf.keys(),
    apply: (object) => put(`${object.metadata.namespace ?? ""}/${object.metadata.name}`, toEndpointSlice(object)),
    restore: (slice) => put(slice.key, slice),
    remove,
    of: (service) => slices.get(service)?.values() ?? [],
    all: () => [...slices.values()].flatMap((own) => [...own.values()]),
  };
}
