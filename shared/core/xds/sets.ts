import { canonicalJson, type Json } from "../canonical.ts";
import type { ObjectKey } from "../object.ts";
import type { EndpointSet, HeadlessSet, TrustSet } from "./fast-sets.ts";
import { trustAnyName, trustNoneName } from "./names.ts";
import type { Resource } from "./resource.ts";
import type { TranslationContext } from "./resource-pool.ts";

/** What the fast lane completes (fast-sets.ts). */
export function setBody(set: EndpointSet | TrustSet | HeadlessSet): Uint8Array {
  return new TextEncoder().encode(canonicalJson(set as unknown as Json));
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
