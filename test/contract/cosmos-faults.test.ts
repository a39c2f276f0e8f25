import { containers } from "../../infra/containers.ts";
import { startCosmos } from "../../local/cosmos/start-cosmos.ts";
import { createCosmosDocumentStore } from "../../shared/adapters/azure/cosmos.ts";
import { documentStoreFaults } from "./document-store-faults.contract.ts";

documentStoreFaults("Cosmos DB's SDK on the stand-in", async ({ plan, retryFor, answerWithin, ...limits }) => {
  const cosmos = await startCosmos({
    databases: [{ id: "weft", containers }],
    ...limits,
    ...(plan === undefined ? {} : { faults: plan }),
  });
  return {
    core: cosmos.core,
    client: () =>
      createCosmosDocumentStore({
        connection: cosmos,
        database: "weft",
        ...(retryFor === undefined ? {} : { retryFor }),
        ...(answerWithin === undefined ? {} : { answerWithin }),
      }),
    [Symbol.asyncDispose]: () => cosmos[Symbol.asyncDispose](),
  };
});
