import type { ServiceKey } from "../../shared/core/mesh/mesh.ts";
import type { KubernetesObject } from "./client.ts";
import { type EndpointSlice, toEndpointSlice } from "./endpoint-slices.ts";

/** EndpointSlices by the Service that they are of. */
export interface SliceIndex {
  readonly keys: () => Iterable<string>;
  readonly apply: (object: KubernetesObject) => void;
  /** By `namespace/name` of the slice. */
  readonly remove: (key: string) => void;
  readonly of: (service: ServiceKey) => Iterable<EndpointSlice>;
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
  return {
    keys: () => serviceOf.keys(),
    apply(object) {
      const slice = toEndpointSlice(object);
      const key = `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
      if (slice?.service !== serviceOf.get(key)) remove(key);
      if (slice === undefined) return;
      const own = slices.get(slice.service) ?? new Map<string, EndpointSlice>();
      slices.set(slice.service, own.set(key, slice));
      serviceOf.set(key, slice.service);
      changed(slice.service);
    },
    remove,
    of: (service) => slices.get(service)?.values() ?? [],
  };
}
