import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import type { FunctionParts } from "./ports.ts";
import { createRecomputeFleet } from "./recompute-fleet.ts";
import { createSweep } from "./sweep.ts";
import type { ClusterUpdater } from "./update-cluster.ts";

async function start(update: (cluster: string) => Promise<boolean>, ...clusters: readonly string[]) {
  const documents = createMemoryDocumentStore();
  for (const cluster of clusters) await documents.put("clusters", { id: "head", partition: cluster, body: {} });
  await documents.put("clusters", { id: "problems", partition: "no-head", body: {} });
  const warnings: unknown[] = [];
  const updated: string[] = [];
  const parts = {
    documents,
    clusterTimeLimit: 10_000,
    log: { info: () => undefined, warn: (_message: string, details: object) => void warnings.push(details) },
  } as unknown as FunctionParts;
  const updater: ClusterUpdater = {
    async update(cluster) {
      updated.push(cluster);
      return update(cluster);
    },
  };
  return { parts, updater, warnings, updated };
}

for (const [name, create] of [
  ["the sweep", createSweep],
  ["a change of the fleet's policy", createRecomputeFleet],
] as const) {
  test(`${name} looks at every cluster that has a head`, async () => {
    const { parts, updater, updated, warnings } = await start(async () => true, "a", "b", "c");
    await create(parts, updater)();
    assert.deepEqual([updated.sort(), warnings], [["a", "b", "c"], []]);
  });

  test(`${name} goes on past a cluster that cannot be compiled, or hangs`, async () => {
    const { parts, updater, updated, warnings } = await start(
      (cluster) => {
        if (cluster === "b") return new Promise(() => undefined);
        return cluster === "a"
          ? Promise.reject(new MeshError("block-damaged", "a block is missing"))
          : Promise.resolve(true);
      },
      "a",
      "b",
      "c",
    );
    await create({ ...parts, clusterTimeLimit: 20 }, updater)();
    assert.deepEqual(updated.sort(), ["a", "b", "c"]);
    assert.deepEqual(warnings.map((warning) => (warning as { code: string }).code).sort(), [
      "block-damaged",
      "unavailable",
    ]);
  });
}

test("the sweep repeats what is transient", async () => {
  let fails = 2;
  const { parts, updater, warnings } = await start(async () => {
    if (fails-- > 0) throw new MeshError("throttled", "slow down");
    return true;
  }, "a");
  await createSweep(parts, updater)();
  assert.deepEqual(warnings, []);
});

test("the sweep changes no state, and passes on what the head holds", async () => {
  const { parts } = await start(async () => true, "a");
  const head = { want: "a gap", refused: { count: 2, newest: [] }, above: undefined };
  const state = { applied: { epoch: 1, seq: 1 } };
  let folded: unknown;
  await createSweep(parts, {
    async update(_cluster, fold) {
      folded = fold(state as never, head as never);
      return true;
    },
  })();
  assert.deepEqual(folded, { state, ...head, causes: [], lists: [], counts: { applied: 0, stale: 0, unexpected: 0 } });
});
