import type { ObjectKey } from "../object.ts";
import type { EndpointGroup, EndpointSet, HeadlessSet, TrustSet } from "./fast-sets.ts";
import { trustAnyName, trustNoneName } from "./names.ts";
import type { Resource } from "./resource.ts";
import type { TranslationContext } from "./resource-pool.ts";

/** What the fast lane completes (fast-sets.ts), as canonical JSON: members are named here in the order of their names. */
export function setBody(set: EndpointSet | TrustSet | HeadlessSet): Uint8Array {
  return Buffer.from(JSON.stringify(inOrder(set)));
}

function inOrder(set: EndpointSet | TrustSet | HeadlessSet): object {
  if ("groups" in set) return { groups: set.groups.map(groupInOrder) };
  if ("names" in set)
    return { names: set.names === "any" ? "any" : set.names.map(({ kind, name }) => ({ kind, name })) };
  const { accounts, listenerTemplate, port, protocol, service } = set;
  return { accounts, listenerTemplate, port, protocol, service };
}

function groupInOrder({ accounts, label, port, service, sinkhole, weight }: EndpointGroup): EndpointGroup {
  return { accounts, label, port, service, sinkhole, ...(weight !== undefined && { weight }) };
}

export function trustSet(
  { pool }: TranslationContext,
  set: {
    readonly name: string;
    readonly variant?: string;
    readonly trust: TrustSet;
    readonly causes: readonly ObjectKey[];
  },
): Resource {
  return pool.resource({ type: "trust-set", name: set.name, variant: set.variant ?? "" }, () => ({
    body: setBody(set.trust),
    causes: set.causes,
    references: [],
  }));
}

/** What clusters and chains of every class name. */
export function commonTrustSets(context: TranslationContext): readonly Resource[] {
  return [
    trustSet(context, { name: trustAnyName, trust: { names: "any" }, causes: [] }),
    trustSet(context, { name: trustNoneName, trust: { names: [] }, causes: [] }),
  ];
}
