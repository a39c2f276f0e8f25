import type { ContentHash } from "../../shared/core/brand.ts";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import type { ClusterProblems, Head } from "../../shared/store/documents.ts";

/** Reads the problems of a compile when the head says that another state was compiled: a mistake may change nothing else. */
export function createProblemReader(options: {
  readonly documents: DocumentStore;
  readonly cluster: string;
  readonly take: (problems: readonly Problem[]) => void;
  readonly fault: (error: unknown) => void;
}): (head: Head) => void {
  let seen: ContentHash | undefined;
  return (head) => {
    const state = head.served?.state;
    if (state === undefined || state === seen) return;
    seen = state;
    const read = async (): Promise<void> => {
      try {
        const stored = await options.documents.get<ClusterProblems>("clusters", options.cluster, "problems");
        options.take(stored?.body.problems ?? []);
      } catch (error) {
        if (seen === state) seen = undefined; // with the next head
        options.fault(error);
      }
    };
    void read();
  };
}
