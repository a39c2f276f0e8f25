import { describe, it } from "node:test";
import { containers } from "../../infra/containers.ts";
import { startCosmos } from "../../local/cosmos/start-cosmos.ts";
import { createCosmosDocumentStore } from "../../shared/adapters/azure/cosmos.ts";
import { documentStoreContract } from "./document-store.contract.ts";

documentStoreContract("Cosmos DB's SDK on the stand-in, containers of three partitions", async () => {
  const cosmos = await startCosmos({ databases: [{ id: "weft", containers }], partitions: 3 });
  return {
    store: createCosmosDocumentStore({ connection: cosmos, database: "weft" }),
    [Symbol.asyncDispose]: () => cosmos[Symbol.asyncDispose](),
  };
});

const account = process.env["WEFT_COSMOS"];
if (account === undefined) {
  describe("DocumentStore: a Cosmos DB account", () => {
    it("does the same", { skip: "WEFT_COSMOS is no connection string of an account to test" }, () => undefined);
  });
} else {
  // What the suite writes stays there, so the database should be one for tests.
  documentStoreContract("a Cosmos DB account", async () => ({
    store: createCosmosDocumentStore({
      connection: { connectionString: account },
      database: process.env["WEFT_DATABASE"] ?? "weft",
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }));
}
