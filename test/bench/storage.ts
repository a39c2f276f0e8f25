import type { CosmosCore } from "../../local/cosmos/core/cosmos-core.ts";
import type { Answer } from "../../local/cosmos/core/gate.ts";
import { coreWith, storeOver } from "../../local/cosmos/core-harness.ts";
import type { Operation } from "../../local/cosmos/store/operation.ts";
import { startPublishingCluster } from "../support/publishing-cluster.ts";
import { movedGrant, neighbours } from "./neighbours.ts";
import type { BenchRow } from "./report.ts";

interface Usage {
  charge: number;
  writes: number;
  bytes: number;
}

/** What one edited TrafficTarget costs the store: the functions over the stand-in's core, which counts request units by the service's model. */
export async function benchStorage(services: number): Promise<readonly BenchRow[]> {
  const usage: Usage = { charge: 0, writes: 0, bytes: 0 };
  const core = coreWith({ clock: Date.now });
  const cluster = await startPublishingCluster({ documents: storeOver(counting(core, usage)) });
  await cluster.functions.ingestEvents(cluster.list(1, neighbours(services)));
  const { applied } = await cluster.head();
  Object.assign(usage, { charge: 0, writes: 0, bytes: 0 });
  const changes = movedGrant();
  await cluster.functions.ingestEvents(
    changes.map((object, index) => cluster.applied({ epoch: applied.epoch, seq: applied.seq + index + 1 }, object)),
  );
  const what = `one TrafficTarget edited, ${services} services`;
  return [
    { what: `${what}: written, new resources included`, value: usage.writes, unit: "documents" },
    { what: `${what}: bytes written`, value: usage.bytes / 1000, unit: "KB" },
    { what: `${what}: request units`, value: usage.charge, unit: "RU" },
  ];
}

function counting(core: CosmosCore, usage: Usage): CosmosCore {
  const counted = <Result>(answer: Answer<Result>): Answer<Result> => {
    usage.charge += answer.charge;
    return answer;
  };
  const note = (operation: Operation): void => {
    if (!("document" in operation)) return;
    usage.writes += 1;
    usage.bytes += Buffer.byteLength(JSON.stringify(operation.document));
  };
  return {
    ...core,
    item(caller, operation) {
      note(operation);
      return counted(core.item(caller, operation));
    },
    batch(caller, operations) {
      for (const operation of operations) note(operation);
      return counted(core.batch(caller, operations));
    },
    query: (caller, request) => counted(core.query(caller, request)),
  };
}
