import type { EnvoyType } from "../xds/resource.ts";
import { emptyNameSet, hasName, type NameSet, withNames, withoutNames } from "./name-set.ts";

/** What a proxy wants of one type: everything, or names, or both. */
export interface Subscription {
  readonly wildcard: boolean;
  readonly names: NameSet;
}

export const emptySubscription: Subscription = { wildcard: false, names: emptyNameSet };

const star = "*";

/** Whether the proxy wants the resource of this name, by its name or because it wants all. */
export function wants(subscription: Subscription, name: string): boolean {
  return subscription.wildcard || hasName(subscription.names, name);
}

/**
 * The first request of a type on a stream. Naming nothing asks for everything of the types that can be asked so ("legacy wildcard"), as
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return says; only in the
 * first request, and for Envoy's two root types alone: an Envoy that lost interest in all routes reconnects with an empty list too.
 */
export function openSubscription(type: EnvoyType, names: readonly string[]): Subscription {
  const wildcard = names.includes(star) || (names.length === 0 && (type === "cluster" || type === "listener"));
  return { wildcard, names: withNames(emptyNameSet, explicit(names)) };
}

/**
 * Later requests of the incremental protocol. A legacy wildcard stays when names are added to it; only unsubscribing from `*` ends it (same section
 * of the protocol).
 */
export function changeSubscription(
  subscription: Subscription,
  change: { readonly subscribe: readonly string[]; readonly unsubscribe: readonly string[] },
): Subscription {
  if (change.subscribe.length === 0 && change.unsubscribe.length === 0) return subscription;
  const kept = withoutNames(subscription.names, change.unsubscribe);
  const wildcard = change.subscribe.includes(star) || (subscription.wildcard && !change.unsubscribe.includes(star));
  return { wildcard, names: withNames(kept, explicit(change.subscribe)) };
}

function explicit(names: readonly string[]): readonly string[] {
  return names.includes(star) ? names.filter((name) => name !== star) : names;
}
