import type { ContentHash } from "../../shared/core/brand.ts";
import type { AccountKey, ClassKey } from "../../shared/core/mesh/mesh.ts";
import type { View } from "../../shared/core/stream/view.ts";
import type { ProxyIdentity, ViewListener } from "../xds/ports.ts";
import type { ClassPolicy } from "./class-policy.ts";
import type { FastEntry } from "./fast-resources.ts";

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
  readonly entries: ReadonlyMap<string, FastEntry>;
}

/** All proxies of one class. They share one account, so they share every byte. */
export interface ClassGroup {
  readonly key: ClassKey;
  readonly account: AccountKey;
  readonly followers: Set<Follower>;
  policy: ClassPolicy | undefined;
  /** The state for which the policy was compiled here. */
  compiledFor: ContentHash | undefined;
  /** The encoded secret. */
  identity: Uint8Array;
  /** By key of the set. */
  entries: Map<string, FastEntry>;
  view: View | undefined;
}
