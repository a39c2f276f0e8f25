import { runBatch } from "./batch.ts";
import { type ContainerData, type ContainerSettings, createContainerData, type Transaction } from "./container-data.ts";
import { CosmosError } from "./cosmos-error.ts";
import type { WriteContext } from "./draft.ts";
import type { JsonObject } from "./json.ts";
import type { Operation, Outcome } from "./operation.ts";

/** A container for unit tests, with a clock that is set and etags `"1"`, `"2"`, … */
export interface TestContainer {
  readonly data: ContainerData;
  /** ms since 1970. */
  now: number;
  /** Gets every transaction before it is applied. */
  keep: (transaction: Transaction) => void;
  /** Does a transactional batch and gives the status of each operation. */
  run(...operations: readonly Operation[]): readonly number[];
  /** Upserts a document under its `pk`. */
  put(document: JsonObject): Outcome;
}

export function createTestContainer(settings: Partial<ContainerSettings> = {}): TestContainer {
  const data = createContainerData({
    rid: "AAAAAYAAAAI=",
    partitionKeyPaths: [["pk"]],
    defaultTtl: undefined,
    uniqueKeys: [],
    ...settings,
  });
  let etags = 0;
  const nextEtag = (): string => {
    etags += 1;
    return `"${etags}"`;
  };
  const container: TestContainer = {
    data,
    now: 1_000_000,
    keep: () => {},
    run(...operations) {
      const outcomes = perform(operations);
      return outcomes.map(({ status }) => status);
    },
    put(document) {
      const partitionKey = settings.partitionKeyPaths?.map(([name]) => text(document[name ?? ""])) ?? [
        text(document["pk"]),
      ];
      const [outcome] = perform([{ kind: "upsert", partitionKey, document, ifMatch: undefined }]);
      if (outcome === undefined || outcome instanceof CosmosError) throw outcome ?? new Error("nothing was done");
      return outcome;
    },
  };
  return container;

  function perform(operations: readonly Operation[]): readonly (Outcome | CosmosError)[] {
    const context: WriteContext = { now: container.now, nextEtag };
    const { outcomes, transaction } = runBatch(data, operations, context);
    if (transaction !== undefined) {
      container.keep(transaction);
      data.apply(transaction);
    }
    return outcomes;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
