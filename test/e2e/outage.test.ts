import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Condition } from "../../gateway/admin/conditions.ts";
import { deployBookstore } from "../../local/demo/deploy-bookstore.ts";
import { createAckMeter, type MeasureAcks } from "../../local/demo/measure-acks.ts";
import { createCounterReader } from "../../local/demo/read-counters.ts";
import { rows } from "../../local/demo/rows.ts";
import { walk } from "../../local/demo/walk.ts";
import { type LocalMesh, startLocalMesh } from "../../local/start-local-mesh.ts";
import { untilSettled } from "../support/data-path/gateway-progress.ts";
import { eventually } from "../support/eventually.ts";
import { updatesTaken } from "./updates-taken.ts";
import { wrongCells } from "./wrong-cells.ts";

/** The cloud away for several rows of the demo: local policy, new pods and certificates go on, and its return is noticed by nobody. */

const timeout = 600_000;
const cloud = ["event-hubs", "functions-host", "cosmos"];
/** Milliseconds: short enough that certificates are renewed several times while the cloud is away. */
const gatewayEnv = {
  // Often enough that a cloud that is there is never stale.
  WEFT_HEAD_READ_MS: "500",
  WEFT_STALE_MS: "2000",
  WEFT_AUTONOMOUS_MS: "2000",
  WEFT_AUTONOMOUS_RECOVERY_MS: "3000",
  WEFT_CERTIFICATE_MS: "20000",
};

/** Rows of the demo by id, every cell of which must be as expected. */
async function walkRows(mesh: LocalMesh, ids: readonly string[], measureAcks: MeasureAcks): Promise<void> {
  const { steps } = await walk({
    client: mesh.client,
    readCounters: createCounterReader(mesh.client),
    measureAcks,
    onProgress: () => undefined,
    rows: rows.filter(({ id }) => ids.includes(id)),
    settings: { observeLimitMs: 90_000 },
  });
  assert.equal(steps.length, ids.length);
  assert.deepEqual(wrongCells(steps), []);
}

/** Versions are the cloud's, so here a change has arrived when what is served is of the gateway's own picture. */
function locally({ gatewayUrl }: LocalMesh): MeasureAcks {
  return async (change, { proxies }) => {
    const begun = performance.now();
    await change();
    const { version } = await untilSettled(gatewayUrl, { proxies });
    return { ackMs: performance.now() - begun, version, proxies };
  };
}

async function conditionsOf({ gatewayUrl }: LocalMesh): Promise<ReadonlyMap<string, string>> {
  const response = await fetch(new URL("/debug/conditions", gatewayUrl));
  const { conditions } = (await response.json()) as { readonly conditions: readonly Condition[] };
  return new Map(conditions.map(({ type, status }) => [type, status]));
}

test("with the cloud away the cluster goes on, and its return changes nothing at any proxy", {
  timeout,
}, async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "weft-outage-"));
  context.after(() => rm(dir, { recursive: true, force: true }));
  await using mesh = await startLocalMesh({ pods: true, install: false, dir, gatewayEnv, say: () => undefined });
  if (mesh.withoutPods !== undefined) return context.skip(mesh.withoutPods.join("; "));
  await deployBookstore(mesh.client);
  const acknowledged = createAckMeter({ gatewayUrl: mesh.gatewayUrl, limitMs: 60_000 });
  await walkRows(mesh, ["1", "2", "3"], acknowledged);

  await Promise.all(cloud.map((part) => mesh.kill(part)));
  await eventually("the gateway says that it is stale", async () => (await conditionsOf(mesh)).get("Stale") === "True");
  await walkRows(mesh, ["4"], locally(mesh));
  assert.equal((await conditionsOf(mesh)).get("Autonomous"), "True");
  context.diagnostic("a grant was compiled by the gateway");
  await mesh.kill("gateway");
  await mesh.revive("gateway");
  await walkRows(mesh, ["5a"], locally(mesh));
  context.diagnostic("a new pod and its grant came after a restart of the gateway");

  const before = await updatesTaken(mesh);
  await Promise.all(cloud.map((part) => mesh.revive(part)));
  await eventually("the cloud is heard", async () => (await conditionsOf(mesh)).get("Stale") === "False");
  await eventually("both conditions are over", async () => {
    const conditions = await conditionsOf(mesh);
    return conditions.get("Stale") === "False" && conditions.get("Autonomous") === "False";
  });
  await untilSettled(mesh.gatewayUrl, { proxies: 6 });
  // What Envoy has drained since is not counted any more.
  const more = [...(await updatesTaken(mesh))].filter(([name, count]) => count !== before.get(name));
  assert.deepEqual(more, []);
  await walkRows(mesh, ["5b"], acknowledged);
});
