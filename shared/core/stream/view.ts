import type { EnvoyType } from "../xds/resource.ts";

/** One resource as a proxy gets it. The same object (and body) is shared by every view that holds it. */
export interface ViewResource {
  readonly name: string;
  /** Content hash of body. */
  readonly version: string;
  /** The encoded message; the stream wraps it into an Any. */
  readonly body: Uint8Array;
  /** Whether no proxy has to prove it first, since it is made of validated values (design.md §5: only proven bytes are batched). */
  readonly proven: boolean;
  /** Only of a policy that is asked when a connection opens, and not again: whom it lets in. */
  readonly peers?: Peers;
  /** Only of a listener whose chains ask such policies. */
  readonly guards?: Guards;
}

/** Who may open connections, in words that say nothing but whether two are the same. */
export type Peers = "any" | ReadonlySet<string>;

export type PolicyType = "extension" | "secret";

/** The policies that are asked when a connection to a listener opens; each has a chain of its own. */
export interface Guards {
  readonly policies: readonly { readonly type: PolicyType; readonly name: string }[];
  /** The listener with the chains of these policies under other names, which ends the connections that they have. */
  readonly renamed: (policies: readonly string[]) => { readonly version: string; readonly body: Uint8Array };
}

/**
 * Everything one proxy should have, at one moment: policy config of its class, and endpoints, secrets and headless listeners of the fast
 * lane. Immutable; a change is a new view that shares what did not change.
 */
export interface View {
  /** Grows with every view, of whatever class: equal generations are the same view, also for a proxy that changes its class. */
  readonly generation: number;
  /** Generation of the first view that the same change made: classes that a change reaches at once have it in common. Absent: this is the first. */
  readonly change?: number;
  /** Version of the snapshot that the policy config is from (the head's `version`). */
  readonly snapshotVersion: number;
  readonly resources: Readonly<Record<EnvoyType, ViewResources>>;
  /**
   * What may differ from the view of an older generation: a superset of it, one entry a type at most. Undefined when that is not known, as for a view of
   * another class or one too old: then everything is compared.
   */
  readonly changesSince?: (generation: number) => readonly ViewChange[] | undefined;
}

/** Resources of one type by name. What is shared by many views lies in one place, so this is not always a Map. */
export type ViewResources = Pick<
  ReadonlyMap<string, ViewResource>,
  "size" | "get" | "has" | "keys" | "values" | typeof Symbol.iterator
>;

export interface ViewChange {
  readonly type: EnvoyType;
  readonly names: readonly string[];
}
