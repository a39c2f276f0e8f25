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
}

/** The reference implementation of DocumentStore. Documents are kept as text, so nobody shares objects with the store. */
export function createMemoryDocumentStore(): DocumentStore {
  const containers = new Map<Container, Map<string, Kept>>();
  let writes = 0;
  const documents = (container: Container): Map<string, Kept> => {
    const present = containers.get(container) ?? new Map<string, Kept>();
    containers.set(container, present);
    return present;
  };
  const write = (container: Container, document: NewDocument): void => {
    const { id, partition } = document;
    documents(container).set(address(partition, id), {
      id,
      partition,
      text: JSON.stringify(document.body),
      etag: `"${++writes}"`,
    });
  };
  const refusal = (container: Container, operation: BatchOperation): string | undefined => {
    const present = documents(container).get(address(operation.document.partition, operation.document.id));
    if (operation.kind === "create" && present !== undefined) return `${operation.document.id} exists`;
    if (operation.kind === "replace" && present?.etag !== operation.etag)
      return `${operation.document.id} was written by another`;
    return undefined;
  };
  return {
    async get<Body>(container: Container, partition: string, id: string): Promise<StoredDocument<Body> | undefined> {
      const kept = documents(container).get(address(partition, id));
      return kept === undefined ? undefined : { body: JSON.parse(kept.text) as Body, etag: kept.etag };
    },
    async put(container, document) {
      write(container, document);
    },
    async batch(container, operations) {
      for (const operation of operations) {
        const why = refusal(container, operation);
        if (why !== undefined) throw new MeshError("precondition-failed", why);
      }
      for (const operation of operations) write(container, operation.document);
    },
    async list<Body>(
      container: Container,
      partition: string,
      options: { readonly prefix: string; readonly limit: number },
    ) {
      return [...documents(container).values()]
        .filter((kept) => kept.partition === partition && kept.id.startsWith(options.prefix))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(-options.limit)
        .map((kept) => JSON.parse(kept.text) as Body);
    },
    async partitionsWith(container, id) {
      return [...documents(container).values()]
        .filter((kept) => kept.id === id)
        .map((kept) => kept.partition)
        .sort();
    },
  };
}

function address(partition: string, id: string): string {
  return `${partition}\n${id}`;
}
