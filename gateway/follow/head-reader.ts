import type { DocumentStore } from "../../shared/ports/document-store.ts";
import { readHead } from "../../shared/store/cluster-store.ts";
import type { Head } from "../../shared/store/documents.ts";

/** The cluster's head. Whoever reads it, everybody who wants to know hears of it. */
export interface HeadReader {
  readonly read: () => Promise<Head | undefined>;
  readonly onRead: (listener: (head: Head) => void) => void;
}

export function createHeadReader(documents: DocumentStore, cluster: string): HeadReader {
  const listeners: ((head: Head) => void)[] = [];
  return {
    async read() {
      const head = (await readHead(documents, cluster))?.head;
      if (head !== undefined) for (const listener of listeners) listener(head);
      return head;
    },
    onRead: (listener) => void listeners.push(listener),
  };
}
