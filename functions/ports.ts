import type { DocumentStore } from "../shared/ports/document-store.ts";
import type { HubSender } from "../shared/ports/event-hub.ts";

/** Where the functions' log lines go: the invocation's context, or a test. */
export interface FunctionLog {
  info(message: string, details?: object): void;
  warn(message: string, details?: object): void;
}

/** What every function works with, made once per cold start (compose.ts). */
export interface FunctionParts {
  readonly mesh: string;
  readonly documents: DocumentStore;
  readonly snapshots: HubSender;
  readonly now: () => Date;
  readonly log: FunctionLog;
  /** Milliseconds one cluster may take of an invocation, so that one throttled cluster does not hold the others of its partition. */
  readonly clusterTimeLimit: number;
  /** Milliseconds for which every version can be served again; thirty days when absent. */
  readonly retention?: number;
}
