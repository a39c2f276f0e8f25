import type {
  BatchOperation,
  Container,
  DocumentStore,
  NewDocument,
  StoredDocument,
} from "../../ports/document-store.ts";
import { MeshError } from "../../shell/mesh-error.ts";

interface Kept {
  readonly id: string;
  readonly partition: string;
  readonly text: string;
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Cosmos DB's, for one document. */
const largestDocument = 2 * 1024 * 1024;

/** The reference implementation of DocumentStore. Documents are kept as text, so nobody shares objects with the store. */
export function createMemoryDocumentStore(): DocumentStore {
  const containers = new Map<Container, Map<string, Kept>>();
  let writes = 0;
  const documents = (container: Container): Map<string, Kept> => {
    const present = containers.get(container) ?? new Map<string, Kept>();
    containers.set(container, present);
    return present;
  };
  const find = (container: Container, partition: string, id: string): Kept | undefined => {
    const kept = documents(container).get(address(partition, id));
    return kept === undefined || isExpired(kept) ? undefined : kept;
  };
  const present = (container: Container): readonly Kept[] => {
    const kept = documents(container);
    for (const [key, document] of kept) if (isExpired(document)) kept.delete(key);
    return [...kept.values()];
  };
  const write = (container: Container, kept: Omit<Kept, "etag">): void => {
    documents(container).set(address(kept.partition, kept.id), { ...kept, etag: `"${++writes}"` });
  };
  const refusal = (container: Container, operation: BatchOperation): string | undefined => {
    const present = find(container, operation.document.partition, operation.document.id);
    if (operation.kind === "create" && present !== undefined) return `${operation.document.id} exists`;
    if (operation.kind === "replace" && present?.etag !== operation.etag)
      return `${operation.document.id} was written by another`;
    return undefined;
  };
  return {
    async get<Body>(container: Container, partition: string, id: string): Promise<StoredDocument<Body> | undefined> {
      const kept = find(container, partition, id);
      return kept === undefined ? undefined : { body: JSON.parse(kept.text) as Body, etag: kept.etag };
    },
    async put(container, document) {
      write(container, keptOf(document));
    },
    async batch(container, operations) {
      const documents = operations.map(({ document }) => keptOf(document));
      for (const operation of operations) {
        const why = refusal(container, operation);
        if (why !== undefined) throw new MeshError("precondition-failed", why);
      }
      for (const document of documents) write(container, document);
    },
    async list<Body>(
      container: Container,
      partition: string,
      options: { readonly prefix: string; readonly limit: number },
    ) {
      return present(container)
        .filter((kept) => kept.partition === partition && kept.id.startsWith(options.prefix))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(-options.limit)
        .map((kept) => JSON.parse(kept.text) as Body);
    },
    async partitionsWith(container, id) {
      return present(container)
        .filter((kept) => kept.id === id)
        .map((kept) => kept.partition)
        .sort();
    },
  };
}

function keptOf({ id, partition, body, ttl }: NewDocument): Omit<Kept, "etag"> {
  const text = JSON.stringify(body);
  const size = Buffer.byteLength(text);
  if (size > largestDocument) throw new MeshError("too-large", `${id} has ${size} bytes`);
  return { id, partition, text, expires: ttl === undefined ? Number.POSITIVE_INFINITY : Date.now() + ttl * 1000 };
}

function isExpired({ expires }: Kept): boolean {
  return Date.now() >= expires;
}

function address(partition: string, id: string): string {
  return `${partition}\n${id}`;
}
