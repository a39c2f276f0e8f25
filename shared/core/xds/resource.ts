import type { ObjectKey } from "../object.ts";

/** Envoy's resource types that Weft serves, in the order in which additions are pushed (design.md §5, Streams: Order). */
export const envoyTypes = ["cluster", "secret", "endpoint", "listener", "route", "extension"] as const;
export type EnvoyType = (typeof envoyTypes)[number];

export const typeUrls: Readonly<Record<EnvoyType, string>> = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoint: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  extension: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
};

/**
 * Types that stand in snapshots but are completed in the gateway, by the fast lane: who may be in an assignment (`endpoint-set`), whose
 * certificates are taken (`trust-set`), and the listener to make for each address of a headless Service (`headless-set`). Their bodies are canonical
 * JSON, see fast-sets.ts.
 */
export type FastType = "endpoint-set" | "trust-set" | "headless-set";

/** What travels in snapshots: Envoy types but endpoints and secrets (the fast lane makes these), and the fast lane's inputs. */
export type SnapshotType = Exclude<EnvoyType, "endpoint" | "secret"> | FastType;

/**
 * One resource for one or many workload classes.
 * `name` is what Envoy sees and is local to the view of a class (`inbound`, `authz-8080`). Where one name has different content for
 * different classes, `variant` tells these apart by what makes them differ (a class, a set of accounts), never by content: so an edit
 * changes the version of (type, name, variant) and no list of members.
 */
export interface Resource {
  readonly type: SnapshotType;
  readonly name: string;
  readonly variant: string;
  /** Encoded message (or canonical JSON for fast types). Deterministic. */
  readonly body: Uint8Array;
  /** Sorted, without repeats. */
  readonly causes: readonly ObjectKey[];
  /**
   * What the body names and the same view must therefore hold (design.md §2, property 7): a listener its routes, clusters and extensions, a route its
   * clusters, a cluster its endpoint-set and trust-sets. Not listed: `identity`, `trust` and the reserved cluster `invalid-backend`.
   */
  readonly references: readonly { readonly type: SnapshotType; readonly name: string }[];
}

/** `type|name|variant` */
export type ResourceId = string & { readonly __brand: "ResourceId" };

export function resourceId(resource: Pick<Resource, "type" | "name" | "variant">): ResourceId {
  return `${resource.type}|${resource.name}|${resource.variant}` as ResourceId;
}

export function parseResourceId(id: ResourceId): Pick<Resource, "type" | "name" | "variant"> {
  const [type = "", name = "", variant = ""] = id.split("|");
  return { type: type as SnapshotType, name, variant };
}
