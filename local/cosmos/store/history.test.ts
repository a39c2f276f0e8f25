import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createHistory, type History } from "./history.ts";
import type { JsonObject } from "./json.ts";
import type { Scope } from "./partition.ts";
import { createTestContainer, type TestContainer } from "./test-container.ts";

const all: Scope = { kind: "all" };

function containerWithHistory(limits = { age: 1_000_000, bytes: 1_000_000 }) {
  const container = createTestContainer({ defaultTtl: -1 });
  const history = createHistory(container.data, limits);
  container.keep = (transaction) => history.record(transaction, container.now);
  return { container, history };
}

function contents({ container, history }: { container: TestContainer; history: History }, lsn: number): unknown {
  const view = history.asOf(lsn);
  const documents = view.items(all, container.now).map(({ document }) => document);
  const changes = [...view.changes(all, 0, container.now)].map((item) => [item.id, item.lsn]);
  const partition = JSON.stringify(["p"]);
  const found = ["a", "b", "c"].map((id) => view.get({ partition, id }, container.now)?.document);
  return { documents, changes, found, lsn: view.lsn };
}

function remove(id: string) {
  return { kind: "delete", partitionKey: ["p"], id, ifMatch: undefined } as const;
}

/** Writes, and what the container held after each. */
function write(both: ReturnType<typeof containerWithHistory>): unknown[] {
  const { container } = both;
  const seen: unknown[] = [contents(both, 0)];
  const steps: (() => void)[] = [
    () => container.put({ id: "a", pk: "p", n: 1 }),
    () => container.put({ id: "b", pk: "p", n: 1 }),
    () => container.put({ id: "a", pk: "p", n: 2 }),
    () => container.run(remove("b")),
    () => container.put({ id: "b", pk: "p", n: 3 }),
    () => container.put({ id: "c", pk: "q", n: 4 }),
  ];
  for (const step of steps) {
    container.now += 100;
    step();
    seen.push(contents(both, container.data.lsn));
  }
  return seen;
}

describe("createHistory()", () => {
  it("shows the container as it was at each lsn", () => {
    const both = containerWithHistory();
    const seen = write(both);
    seen.forEach((then, lsn) => assert.deepEqual(contents(both, lsn), then, `lsn ${lsn}`));
  });

  it("knows the lsn of a time", () => {
    const both = containerWithHistory();
    const begun = both.container.now;
    write(both);
    assert.deepEqual(
      [0, 99, 100, 350, 600, 9_999].map((after) => both.history.lsnAt(begun + after)),
      [0, 0, 1, 3, 6, 6],
    );
  });

  it("puts everything back in one transaction, with the versions that were there", () => {
    for (let lsn = 0; lsn <= 6; lsn += 1) {
      const both = containerWithHistory();
      const { container, history } = both;
      const then = write(both)[lsn] as { readonly documents: readonly JsonObject[] };
      const undo = history.undo(lsn);
      if (undo !== undefined) {
        container.keep(undo);
        container.data.apply(undo);
      }
      assert.deepEqual(
        container.data.items(all, container.now).map(({ document }) => document),
        then.documents,
      );
      assert.equal(container.data.lsn, lsn === 6 ? 6 : 7);
    }
  });

  it("keeps no more than it should, by bytes and by age", () => {
    const full = containerWithHistory({ age: 1_000_000, bytes: 20_000 });
    for (let n = 0; n < 200; n += 1) full.container.put({ id: "a", pk: "p", n });
    const oldest = full.history.asOf(1).lsn;
    assert.ok(oldest > 140 && oldest <= 190, String(oldest));
    assert.deepEqual(full.history.asOf(195).items(all, 0)[0]?.document["n"], 194);

    const old = containerWithHistory({ age: 1_000, bytes: 1_000_000 });
    for (let n = 0; n < 100; n += 1) {
      old.container.now += 100;
      old.container.put({ id: "a", pk: "p", n });
    }
    assert.ok(old.history.asOf(1).lsn >= 89 && old.history.asOf(1).lsn < 100, String(old.history.asOf(1).lsn));
  });
});
