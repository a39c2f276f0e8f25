import type { Problem } from "../../shared/core/mesh/problem.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import type { ClusterProblems, Head } from "../../shared/store/documents.ts";

/** Reads the problems of a compile when the head says that something else was compiled: a mistake may change no resource. */
export function createProblemReader(options: {
  readonly documents: DocumentStore;
  readonly cluster: string;
  readonly take: (problems: readonly Problem[]) => void;
  readonly fault: (error: unknown) => void;
}): (head: Head) => void {
  let seen: string | undefined;
  return (head) => {
    if (head.served === undefined) return;
    const inputs = JSON.stringify(head.served);
    if (inputs === seen) return;
    seen = inputs;
    const read = async (): Promise<void> => {
      try {
        const stored = await options.documents.get<ClusterProblems>("clusters", options.cluster, "problems");
        if (seen === inputs) options.take(stored?.body.problems ?? []);
      } catch (error) {
        if (seen === inputs) seen = undefined; // with the next head
        options.fault(error);
      }
    };
    void read();
  };
}
