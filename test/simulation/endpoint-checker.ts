import type { ObjectStore } from "../../local/kubernetes/store/object-store.ts";
import type { ContentHash } from "../../shared/core/brand.ts";
import type { View } from "../../shared/core/stream/view.ts";
import type { EndpointSet } from "../../shared/core/xds/fast-sets.ts";
import { addressesOf, isReady, podsBehind, type RawPod } from "./slice-controller.ts";

/** Whether the endpoints that proxies are given are those of pods that they may call. */
export interface EndpointChecker {
  /** To be called after every change of the cluster. */
  readonly look: () => void;
  /** An address in a view whose pod never ran as an account that the set admits; undefined when there is none. */
  readonly stranger: (view: View, sets: EndpointSets) => string | undefined;
  /** An assignment that is not made of exactly the pods that are ready and admitted now; undefined when all are. */
  readonly unlike: (view: View, sets: EndpointSets) => string | undefined;
}

/** The endpoint sets of the snapshot that a view is of, by name. */
export type EndpointSets = ReadonlyMap<string, EndpointSet>;

const podAddress = /10\.244\.\d+\.\d+/g;

export function createEndpointChecker(store: ObjectStore): EndpointChecker {
  /** Accounts that ever ran at an address. */
  const ever = new Map<string, Set<string>>();
  const addresses = new WeakMap<Uint8Array, readonly string[]>();
  /** Read as text: the bytes around an address are no digits. */
  const addressesIn = (body: Uint8Array): readonly string[] => {
    const known = addresses.get(body) ?? Buffer.from(body).toString("latin1").match(podAddress) ?? [];
    addresses.set(body, known);
    return known;
  };
  return {
    look() {
      for (const pod of store.list("pods") as readonly RawPod[])
        for (const ip of addressesOf(pod)) ever.set(ip, (ever.get(ip) ?? new Set()).add(accountOf(pod)));
    },
    stranger(view, sets) {
      for (const [name, { body }] of view.resources.endpoint) {
        const accounts = sets.get(name)?.groups.flatMap((group) => group.accounts) ?? [];
        const found = addressesIn(body).find((address) => !accounts.some((account) => ever.get(address)?.has(account)));
        if (found !== undefined)
          return `${name} has ${found}, which never ran as ${accounts.join(" or ") || "anybody"}`;
      }
      return undefined;
    },
    unlike(view, sets) {
      for (const [name, set] of sets) {
        const body = view.resources.endpoint.get(name)?.body;
        const given = [...new Set(addressesIn(body ?? Buffer.of()))].sort().join(" ");
        const wanted = [...new Set(admittedBy(store, set))].sort().join(" ");
        if (given !== wanted) return `${name} has ${given || "nobody"} instead of ${wanted || "nobody"}`;
      }
      return undefined;
    },
  };
}

function admittedBy(store: ObjectStore, { groups }: EndpointSet): readonly string[] {
  return groups.flatMap(({ service, port, accounts }) => {
    const [namespace, name = ""] = service.split("/");
    const object = store.get("services", namespace, name);
    const ports = (object as { readonly spec?: { readonly ports?: readonly { readonly port: number }[] } })?.spec
      ?.ports;
    if (object === undefined || ports?.some((own) => own.port === port) !== true) return [];
    return podsBehind(store, object)
      .filter((pod) => isReady(pod) && isMeshed(pod) && accounts.some((account) => account === accountOf(pod)))
      .flatMap(addressesOf);
  });
}

function accountOf({ metadata, spec }: RawPod): string {
  return `${metadata.namespace}/${spec?.serviceAccountName ?? "default"}`;
}

function isMeshed({ metadata }: RawPod): boolean {
  return metadata.labels?.["osm-proxy-uuid"] !== undefined;
}

/** Of a snapshot's members, by name. */
export function endpointSetsIn(
  members: Iterable<{ readonly type: string; readonly name: string; readonly version: ContentHash }>,
  bodyOf: (version: ContentHash) => Uint8Array | undefined,
): EndpointSets {
  const sets = new Map<string, EndpointSet>();
  for (const { type, name, version } of members) {
    const body = type === "endpoint-set" ? bodyOf(version) : undefined;
    if (body !== undefined) sets.set(name, JSON.parse(Buffer.from(body).toString("utf8")) as EndpointSet);
  }
  return sets;
}
