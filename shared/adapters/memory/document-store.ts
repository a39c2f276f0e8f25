import type {
  BatchOperation,
  Container,
  DocumentStore,
  NewDocument,
  StoredDocument,
} from "../../ports/document-store.ts";
import { checkBatch, checkDocument, checkSize } from "../../shell/document-limits.ts";
import { MeshError } from "../../shell/mesh-error.ts";

interface Kept {
  readonly id: string;
  readonly partition: string;
  readonly text: string;
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly written: number;
  readonly expires: number;
}

/** Containers that drop documents (infra/containers.ts); elsewhere a `ttl` is kept and means nothing. */
const expiring: ReadonlySet<Container> = new Set(["policies", "changes", "rejected"]);

/** The documents of all containers, by address. */
interface Shelves {
  documents(container: Container): Map<string, Kept>;
  find(container: Container, partition: string, id: string): Kept | undefined;
  /** Those that have not expired, of one partition or of all, by id. */
  present(container: Container, partition?: string): readonly Kept[];
  keep(container: Container, kept: Iterable<Kept>): void;
}

function createShelves(now: () => number): Shelves {
  const containers = new Map<Container, Map<string, Kept>>();
  const documents = (container: Container): Map<string, Kept> => {
    const present = containers.get(container) ?? new Map<string, Kept>();
    containers.set(container, present);
    return present;
  };
  return {
    documents,
    find(container, partition, id) {
      const kept = documents(container).get(address(partition, id));
      return kept === undefined || now() >= kept.expires ? undefined : kept;
    },
    present(container, partition) {
      const kept = documents(container);
      for (const [key, document] of kept) if (now() >= document.expires) kept.delete(key);
      return [...kept.values()]
        .filter((document) => partition === undefined || document.partition === partition)
        .sort((one, other) => (one.id < other.id ? -1 : 1));
    },
    keep(container, kept) {
      for (const document of kept) documents(container).set(address(document.partition, document.id), document);
    },
  };
}

/**
 * The reference implementation of DocumentStore. Documents are kept as text, so nobody shares objects with the store.
 *
 * @param now milliseconds since 1970, for documents that expire
 */
export function createMemoryDocumentStore(now: () => number = Date.now): DocumentStore {
  const shelves = createShelves(now);
  let writes = 0;
  const newVersion = (container: Container, { id, partition, body, ttl }: NewDocument): Kept => {
    const lives = ttl === undefined || !expiring.has(container) ? Number.POSITIVE_INFINITY : ttl * 1000;
    const written = Math.floor(now() / 1000) * 1000;
    return { id, partition, text: JSON.stringify(body), written, expires: now() + lives, etag: `"${++writes}"` };
  };
  /** The document that an operation leaves, after those before it in the batch. @throws MeshError when it is refused */
  const outcome = (container: Container, operation: BatchOperation, before: ReadonlyMap<string, Kept>): Kept => {
    const { id, partition } = operation.document;
    const present = before.get(address(partition, id)) ?? shelves.find(container, partition, id);
    if (operation.kind === "create" && present !== undefined)
      throw new MeshError("precondition-failed", `${id} exists`);
    if (operation.kind === "replace" && present?.etag !== operation.etag)
      throw new MeshError("precondition-failed", `${id} was written by another`);
    return newVersion(container, operation.document);
  };
  return {
    async get<Body>(container: Container, partition: string, id: string): Promise<StoredDocument<Body> | undefined> {
      const kept = shelves.find(container, partition, id);
      return kept === undefined ? undefined : { body: JSON.parse(kept.text) as Body, etag: kept.etag };
    },
    async put(container, document) {
      checkDocument(document);
      const kept = newVersion(container, document);
      checkSize([kept.text]);
      shelves.keep(container, [kept]);
    },
    async batch(container, operations) {
      checkBatch(operations);
      checkSize(operations.map(({ document }) => JSON.stringify(document.body)));
      const after = new Map<string, Kept>();
      for (const operation of operations) {
        const kept = outcome(container, operation, after);
        after.set(address(kept.partition, kept.id), kept);
      }
      shelves.keep(container, after.values());
    },
    async list<Body>(
      container: Container,
      partition: string,
      options: { readonly prefix: string; readonly limit: number },
    ) {
      return shelves
        .present(container, partition)
        .filter((kept) => kept.id.startsWith(options.prefix))
        .slice(-options.limit)
        .map((kept) => JSON.parse(kept.text) as Body);
    },
    async partitionsWith(container, id) {
      return shelves
        .present(container)
        .filter((kept) => kept.id === id)
        .map((kept) => kept.partition)
        .sort();
    },
    sweeping: {
      async marks(container, partition, { after, limit }) {
        return shelves
          .present(container, partition)
          .filter((kept) => kept.id > after)
          .slice(0, limit)
          .map(({ id, etag, written }) => ({ id, etag, written }));
      },
      async remove(container, partition, { id, etag }) {
        if (shelves.find(container, partition, id)?.etag !== etag) return false;
        return shelves.documents(container).delete(address(partition, id));
      },
    },
  };
}

function address(partition: string, id: string): string {
  return `${partition}\n${id}`;
}
