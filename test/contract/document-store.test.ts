import { coreWith, storeOver } from "../../local/cosmos/core-harness.ts";
import { createMemoryDocumentStore } from "../../shared/adapters/memory/document-store.ts";
import { documentStoreContract } from "./document-store.contract.ts";

documentStoreContract("memory", async () => ({
  store: createMemoryDocumentStore(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}));

documentStoreContract("the stand-in's core, without sockets", async () => ({
  store: storeOver(coreWith({ clock: Date.now })),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}));
