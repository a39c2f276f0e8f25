import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import type { Head } from "../../shared/store/documents.ts";
import { createProblemReader } from "./compiled-problems.ts";

function headOf(state: string, settingsVersion = 0): Head {
  return {
    version: 1,
    served: { root: "r", state, policyVersion: 0, settingsVersion, translator: 1 },
  } as unknown as Head;
}

/** A reader over a store whose answers a test gives one by one. */
function start() {
  const reads: PromiseWithResolvers<unknown>[] = [];
  const taken: string[] = [];
  let faults = 0;
  const documents = {
    async get() {
      const read = Promise.withResolvers<unknown>();
      reads.push(read);
      return read.promise;
    },
  } as unknown as DocumentStore;
  const take = (problems: readonly Problem[]): void => void taken.push(problems.map(({ message }) => message).join());
  const reader = createProblemReader({ documents, cluster: "one", take, fault: () => faults++ });
  const answer = async (index: number, ...messages: readonly string[]): Promise<void> => {
    reads[index]?.resolve({ body: { problems: messages.map((message) => ({ message })) }, etag: "" });
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { reader, reads, taken, answer, faults: () => faults };
}

test("the problems are read once for each compile: another state, or other settings of the same", async () => {
  const { reader, reads, taken, answer } = start();
  reader({ version: 0 } as Head);
  assert.equal(reads.length, 0);
  reader(headOf("s1"));
  reader(headOf("s1"));
  await answer(0, "one");
  reader(headOf("s1", 2));
  await answer(1, "two");
  assert.deepEqual([reads.length, taken], [2, ["one", "two"]]);
});

test("an answer that comes after a newer head is not taken", async () => {
  const { reader, taken, answer } = start();
  reader(headOf("s1"));
  reader(headOf("s2"));
  await answer(1, "new");
  await answer(0, "old");
  assert.deepEqual(taken, ["new"]);
});

test("a read that fails is made again with the next head", async () => {
  const { reader, reads, taken, answer, faults } = start();
  reader(headOf("s1"));
  reads[0]?.reject(new Error("away"));
  await answer(9);
  assert.equal(faults(), 1);
  reader(headOf("s1"));
  await answer(1, "one");
  assert.deepEqual(taken, ["one"]);
});
