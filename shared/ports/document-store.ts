/** Names of containers: infra/containers.ts. */
export type Container = "clusters" | "blocks" | "policies" | "changes" | "rejected" | "leases";

/** What is kept, without the service's own members. `partition` is the value of the container's partition key. */
export interface StoredDocument<Body> {
  readonly body: Body;
  readonly etag: string;
}

export interface NewDocument {
  readonly id: string;
  readonly partition: string;
  readonly body: object;
  /** Seconds until the store drops it. */
  readonly ttl?: number;
}

export type BatchOperation =
  | { readonly kind: "put"; readonly document: NewDocument }
  /** Refused when the id exists. */
  | { readonly kind: "create"; readonly document: NewDocument }
  /** Refused unless the stored document still has this etag. */
  | { readonly kind: "replace"; readonly document: NewDocument; readonly etag: string };

/** A document as a sweep sees it. */
export interface DocumentMark {
  readonly id: string;
  readonly etag: string;
  /** When it was last written. Milliseconds since 1970, to the second. */
  readonly written: number;
}

/** What only a sweep does. */
export interface DocumentSweeping {
  /** The documents of a partition with ids after `after`, by id, at most `limit`. */
  marks(
    container: Container,
    partition: string,
    options: { readonly after: string; readonly limit: number },
  ): Promise<readonly DocumentMark[]>;
  /** False, and nothing happens, when it is gone or was written since. */
  remove(container: Container, partition: string, mark: Pick<DocumentMark, "id" | "etag">): Promise<boolean>;
}

/**
 * Documents with optimistic concurrency. Faults are MeshError: `precondition-failed` (an etag did not match, an id exists), `too-large`,
 * `throttled`, `unavailable` (also: the answer is unknown).
 */
export interface DocumentStore {
  get<Body>(container: Container, partition: string, id: string): Promise<StoredDocument<Body> | undefined>;
  put(container: Container, document: NewDocument): Promise<void>;
  /** All or nothing, in one partition, at most 100 operations. */
  batch(container: Container, operations: readonly BatchOperation[]): Promise<void>;
  /** All documents of a partition whose id starts with `prefix`, by id, newest ids last; at most `limit`, from the end. */
  list<Body>(
    container: Container,
    partition: string,
    options: { readonly prefix: string; readonly limit: number },
  ): Promise<readonly Body[]>;
  /** Partitions of `clusters` that hold a document with this id. Crosses partitions: for timers and pages only. */
  partitionsWith(container: Container, id: string): Promise<readonly string[]>;
  /** Absent where the caller has no right to it. */
  readonly sweeping?: DocumentSweeping;
}
