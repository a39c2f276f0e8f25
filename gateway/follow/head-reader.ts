import type { DocumentStore } from "../../shared/ports/document-store.ts";
import { readHead } from "../../shared/store/cluster-store.ts";
import type { Head } from "../../shared/store/documents.ts";

/** The cluster's head. Whoever reads it, everybody who wants to know hears of it. */
export interface HeadReader {
  readonly read: () => Promise<Head | undefined>;
  /** As it was last read. */
  readonly newest: () => Head | undefined;
  readonly onRead: (listener: (head: Head) => void) => void;
}

export function createHeadReader(documents: DocumentStore, cluster: string): HeadReader {
  const listeners: ((head: Head) => void)[] = [];
  let newest: Head | undefined;
  return {
    async read() {
      const head = (await readHead(documents, cluster))?.head;
      newest = head ?? newest;
      if (head !== undefined) for (const listener of listeners) listener(head);
      return head;
    },
    newest: () => newest,
    onRead: (listener) => void listeners.push(listener),
  };
}
