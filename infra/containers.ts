/** One container of a mesh's database. */
export interface ContainerDefinition {
  readonly id: string;
  /** Path of the partition key, e.g. `/cluster`. */
  readonly partitionKey: string;
  /** Seconds until a document without `ttl` expires; -1: never, but a document may carry a `ttl`. Absent: no expiry at all. */
  readonly defaultTtl?: number;
}

/**
 * The containers of a mesh's database (design.md §4). The one list that the Azure templates and the local stand-in
 * create them from: the running code has no right to make containers.
 */
export const containers = [
  { id: "clusters", partitionKey: "/cluster" },
  { id: "blocks", partitionKey: "/part" },
  { id: "policies", partitionKey: "/mesh", defaultTtl: -1 },
  { id: "changes", partitionKey: "/cluster", defaultTtl: -1 },
  { id: "rejected", partitionKey: "/cluster", defaultTtl: -1 },
  { id: "leases", partitionKey: "/id" },
] as const satisfies readonly ContainerDefinition[];
