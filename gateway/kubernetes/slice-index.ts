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
  /** Services with an endpoint that is this pod (`namespace/name`). */
  readonly naming: (pod: string) => Iterable<ServiceKey>;
  readonly all: () => Iterable<EndpointSlice>;
}

/** `changed` is told every Service that a change may concern: a slice that moves to another Service concerns both. */
export function createSliceIndex(changed: (service: ServiceKey) => void): SliceIndex {
  const slices = new Map<ServiceKey, Map<string, EndpointSlice>>();
  const serviceOf = new Map<string, ServiceKey>();
  const naming = createNaming();
  const remove = (key: string): void => {
    const service = serviceOf.get(key);
    if (service === undefined) return;
    serviceOf.delete(key);
    const own = slices.get(service);
    naming.change(own?.get(key), undefined);
    own?.delete(key);
    if (own?.size === 0) slices.delete(service);
    changed(service);
  };
  const put = (key: string, slice: EndpointSlice | undefined): void => {
    if (slice?.service !== serviceOf.get(key)) remove(key);
    if (slice === undefined) return;
    const own = slices.get(slice.service) ?? new Map<string, EndpointSlice>();
    naming.change(own.get(key), slice);
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
    naming: naming.of,
    all: () => [...slices.values()].flatMap((own) => [...own.values()]),
  };
}

/** Which slices name a pod; a list each, which seldom has more than one. */
function createNaming() {
  const naming = new Map<string, readonly EndpointSlice[]>();
  return {
    of: (pod: string): Iterable<ServiceKey> => new Set(naming.get(pod)?.map(({ service }) => service)),
    change(before: EndpointSlice | undefined, after: EndpointSlice | undefined): void {
      const names = podsOf(after);
      for (const pod of new Set([...podsOf(before), ...names])) {
        const others = naming.get(pod)?.filter((slice) => slice !== before) ?? [];
        const all = names.has(pod) && after !== undefined ? [...others, after] : others;
        if (all.length === 0) naming.delete(pod);
        else naming.set(pod, all);
      }
    },
  };
}

function podsOf(slice: EndpointSlice | undefined): ReadonlySet<string> {
  return new Set(slice?.endpoints.flatMap(({ pod }) => pod ?? []));
}
