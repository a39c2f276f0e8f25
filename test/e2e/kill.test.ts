import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { deployBookstore } from "../../local/demo/deploy-bookstore.ts";
import { createAckMeter, type MeasureAcks } from "../../local/demo/measure-acks.ts";
import { createCounterReader } from "../../local/demo/read-counters.ts";
import { walk } from "../../local/demo/walk.ts";
import { type LocalMesh, startLocalMesh } from "../../local/start-local-mesh.ts";
import { wrongCells } from "./wrong-cells.ts";

/** kill -9 of each part while a row of the demo is being applied, then a restart with its data: nothing is lost. */

const timeout = 600_000;
/** One a row. */
const victims = [
  "gateway",
  "functions-host",
  "event-hubs",
  "cosmos",
  "kubernetes",
  "gateway",
  "event-hubs",
  "functions-host",
];

/** The row's change, and in the middle of it the end of a part, which comes back. What fails ends the walk. */
function killing(mesh: LocalMesh, context: TestContext, failed: AbortController): MeasureAcks {
  const acknowledged = createAckMeter({ gatewayUrl: mesh.gatewayUrl, limitMs: 90_000 });
  const left = [...victims];
  return async (change, options) => {
    const victim = left.shift() ?? "gateway";
    const killed = async (): Promise<void> => {
      // The API server takes the change before it dies: what it acknowledged must be there again.
      if (victim === "kubernetes") await change();
      await Promise.all([victim === "kubernetes" ? undefined : change(), mesh.kill(victim)]);
      await mesh.revive(victim);
    };
    try {
      const result = await acknowledged(killed, options);
      context.diagnostic(`${victim}: ${result.ackMs} ms to the last proxy`);
      return result;
    } catch (error) {
      failed.abort();
      throw error;
    }
  };
}

test("every row of the demo comes true although a part is killed in the middle of its change", {
  timeout,
}, async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "weft-kill-"));
  context.after(() => rm(dir, { recursive: true, force: true }));
  await using mesh = await startLocalMesh({ pods: true, install: false, dir, say: () => undefined });
  if (mesh.withoutPods !== undefined) return context.skip(mesh.withoutPods.join("; "));
  await deployBookstore(mesh.client);
  const failed = new AbortController();
  const { steps } = await walk({
    client: mesh.client,
    readCounters: createCounterReader(mesh.client),
    measureAcks: killing(mesh, context, failed),
    onProgress: () => undefined,
    signal: failed.signal,
    settings: { observeLimitMs: 90_000 },
  });
  assert.equal(steps.length, victims.length);
  assert.deepEqual(wrongCells(steps), []);
});
