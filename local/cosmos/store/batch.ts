import type { ContainerData, Transaction } from "./container-data.ts";
import { CosmosError, failedDependency } from "./cosmos-error.ts";
import { createDraft, type WriteContext } from "./draft.ts";
import { execute, type Operation, type Outcome } from "./operation.ts";

/** Most operations of a batch or of one bulk request. */
export const maxBatchOperations = 100;

export interface BatchResult {
  /** One for each operation, in their order. */
  readonly outcomes: readonly (Outcome | CosmosError)[];
  /** Undefined when nothing was written. */
  readonly transaction: Transaction | undefined;
}

/** A transactional batch: all operations or none. The first that fails names its reason, all others say 424. */
export function runBatch(data: ContainerData, operations: readonly Operation[], context: WriteContext): BatchResult {
  const draft = createDraft(data, context);
  const outcomes: Outcome[] = [];
  for (const [index, operation] of operations.entries()) {
    const outcome = attempt(() => execute(draft, operation, data.settings.partitionKeyPaths));
    if (outcome instanceof CosmosError) {
      const failed = operations.map((_, at) => (at === index ? outcome : failedDependency()));
      return { outcomes: failed, transaction: undefined };
    }
    outcomes.push(outcome);
  }
  return { outcomes, transaction: draft.transaction() };
}

/** Calls a function and returns what it threw if that is a refusal; anything else is a fault and goes on. */
export function attempt<T>(call: () => T): T | CosmosError {
  try {
    return call();
  } catch (error) {
    if (error instanceof CosmosError) return error;
    throw error;
  }
}
