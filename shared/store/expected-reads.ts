import type { ContentHash } from "../core/brand.ts";
import type { Container, DocumentStore, StoredDocument } from "../ports/document-store.ts";
import { blockPartition, type SnapshotPointer, singleId } from "./documents.ts";

/** Reads that were begun before anybody asked. */
export interface ExpectedReads {
  /** Answers with what was begun, once; all else it reads itself. */
  readonly documents: DocumentStore;
  /** Begins to read these blocks and resources of the cluster. Those that were expected before and never asked for are forgotten. */
  readonly begin: (expected: FreshDocuments) => void;
}

/** Hashes of blocks and versions of resources that have documents of their own. */
export type FreshDocuments = NonNullable<SnapshotPointer["fresh"]>;

export function createExpectedReads(documents: DocumentStore, cluster: string): ExpectedReads {
  let reads = new Map<string, Promise<StoredDocument<unknown> | undefined>>();
  const read = (id: string, hash: ContentHash) =>
    [id, documents.get("blocks", blockPartition(cluster, hash), id).catch(() => undefined)] as const;
  return {
    documents: {
      ...documents,
      async get<Body>(container: Container, partition: string, id: string) {
        const begun = container === "blocks" ? reads.get(id) : undefined;
        reads.delete(id);
        const found = (await begun) as StoredDocument<Body> | undefined;
        return found ?? documents.get<Body>(container, partition, id);
      },
    },
    begin({ blocks, resources }) {
      reads = new Map([...blocks.map((hash) => read(hash, hash)), ...resources.map((one) => read(singleId(one), one))]);
    },
  };
}
