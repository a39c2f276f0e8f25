import type { ContentHash } from "../../shared/core/brand.ts";
import type { AccountKey, ClassKey } from "../../shared/core/mesh/mesh.ts";
import type { View, ViewResource, ViewResources } from "../../shared/core/stream/view.ts";
import type { EnvoyType, ResourceId } from "../../shared/core/xds/resource.ts";
import type { ProxyIdentity, ViewListener } from "../xds/ports.ts";
import type { FastEntry } from "./fast-resources.ts";
import type { ViewHistory } from "./view-changes.ts";

/** A proxy that is told its class's view. */
export interface Follower {
  readonly proxy: ProxyIdentity;
  readonly listener: ViewListener;
  group: ClassGroup | undefined;
  /** What it was told last, and what it has acknowledged last or was given up on. */
  told: Told | undefined;
  taken: Told | undefined;
}

export interface Told {
  readonly view: View;
  readonly reach: Reach;
}

/** Accounts that a class dials, some of its own and some with others. */
export type Reach = readonly ReadonlySet<AccountKey>[];

/** Resources of the snapshot, and what the fast lane makes of its sets: what one class has of its own, or what many share. */
export interface Layer {
  readonly classes: Set<ClassGroup>;
  /** Each map is immutable; a change puts another in its place. */
  readonly resources: Record<EnvoyType, ViewResources>;
  /** By `type|name` of the set. */
  readonly entries: Map<string, FastEntry>;
  /** Accounts that its endpoints may be of. */
  reached: ReadonlySet<AccountKey>;
}

/** All proxies of one class. They share one account, so they share every byte. */
export interface ClassGroup {
  readonly key: ClassKey;
  readonly account: AccountKey;
  readonly followers: Set<Follower>;
  readonly history: ViewHistory;
  policy: GroupPolicy | undefined;
  /** The state for which the policy was compiled here. */
  compiledFor: ContentHash | undefined;
  /** Inbound listeners that say which policies they ask, by name (class-view.ts). */
  readonly guarded: Map<string, GuardedListener>;
  view: View | undefined;
}

/** Where a class's resources come from. */
export interface GroupPolicy {
  /** Of the snapshot. */
  readonly version: number;
  readonly own: Layer;
  readonly shared: Layer | undefined;
  /** Shared resources that lie in `own`, as the class's entry lists them; undefined: the snapshot in force does not know the class. */
  readonly listed: ReadonlySet<ResourceId> | undefined;
}

export interface GuardedListener {
  readonly listener: ViewResource;
  /** As JSON. */
  readonly policies: string;
  readonly guarded: ViewResource;
}

/** As it is now. */
export function reachOf({ policy }: ClassGroup): Reach {
  if (policy === undefined) return [];
  return policy.shared === undefined ? [policy.own.reached] : [policy.own.reached, policy.shared.reached];
}
