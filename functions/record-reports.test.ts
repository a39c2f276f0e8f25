import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import { sealEnvelope } from "../shared/core/events/envelope.ts";
import type { BatchOperation, Container } from "../shared/ports/document-store.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { joinCluster, putChange } from "../shared/store/cluster-store.ts";
import { type Change, type ProxyReport, reportId } from "../shared/store/documents.ts";
import type { FunctionParts } from "./ports.ts";
import { createRecordReports } from "./record-reports.ts";
import { createMessageVerifier } from "./verify-messages.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");

function reportOf(second: number, more: Partial<ProxyReport> = {}): ProxyReport {
  const time = `2026-01-01T00:00:${String(second).padStart(2, "0")}.000Z`;
  return {
    time,
    interval: 30_000,
    replicas: [{ replica: "gateway-0", serves: 5, connected: 2 }],
    wanted: 5,
    totals: { connected: 2, settled: second, refusing: 0 },
    changes: [{ version: 5, proxies: 2, settled: second, refused: 0, first: "f" }],
    proxies: [],
    problems: [],
    ...more,
  };
}

async function start() {
  const documents = createMemoryDocumentStore();
  await joinCluster(documents, "one", {
    kid: "k",
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  });
  const change: Change = {
    version: 5,
    causes: [],
    moreCauses: 0,
    resources: { added: 1, changed: 0, removed: 0 },
    stages: [],
  };
  await putChange(documents, "one", change);
  const warnings: string[] = [];
  const world = { batchFaults: [] as MeshError[], batches: 0, now: new Date("2026-01-01T00:10:00Z") };
  const parts = {
    mesh: "weft",
    documents: {
      ...documents,
      async batch(container: Container, operations: readonly BatchOperation[]) {
        const fault = world.batchFaults.shift();
        if (fault !== undefined) throw fault;
        world.batches++;
        await documents.batch(container, operations);
      },
    },
    now: () => world.now,
    log: { info: () => undefined, warn: (message: string) => void warnings.push(message) },
  } as unknown as FunctionParts;
  const record = createRecordReports(parts, createMessageVerifier(parts));
  return Object.assign(world, {
    documents,
    warnings,
    record: (...reports: readonly unknown[]) =>
      record(
        reports.map((report) =>
          sealEnvelope(JSON.stringify({ mesh: "weft", cluster: "one", report }), { kid: "k", privateKey }),
        ),
      ),
    recorded: async () => (await documents.get<ProxyReport>("changes", "one", reportId))?.body,
    totals: async () => (await documents.get<Change>("changes", "one", "change:000000000005"))?.body.acknowledged,
  });
}

test("a report is kept whole, and its totals go to the timelines of the changes", async () => {
  const { record, recorded, totals, documents } = await start();
  await record(reportOf(1));
  assert.deepEqual(await recorded(), reportOf(1));
  assert.deepEqual(await totals(), { proxies: 2, settled: 1, refused: 0, first: "f" });
  assert.equal((await documents.get<Change>("changes", "one", "change:000000000005"))?.body.resources.added, 1);
});

test("a replica that went takes along its proxies' acknowledgements, not when they were", async () => {
  const { record, totals } = await start();
  const at = (first: string, last: string) => [{ version: 5, proxies: 1, settled: 1, refused: 0, first, last }];
  await record(reportOf(1, { changes: at("2", "4") }));
  await record(reportOf(2, { changes: at("3", "5") }));
  assert.deepEqual(await totals(), { proxies: 1, settled: 1, refused: 0, first: "2", last: "5" });
});

test("of one batch the newest word of each cluster counts; repeats and late ones change nothing", async () => {
  const { record, recorded, totals } = await start();
  await record(reportOf(1), reportOf(2));
  assert.equal((await totals())?.settled, 2);
  await record(reportOf(2));
  await record(reportOf(1));
  assert.deepEqual([(await recorded())?.time, (await totals())?.settled], [reportOf(2).time, 2]);
});

test("a gateway whose clock was put back is heard again", async () => {
  const { record, recorded } = await start();
  await record({ ...reportOf(1), time: "2026-01-01T05:00:00.000Z" });
  await record(reportOf(2));
  assert.equal((await recorded())?.time, reportOf(2).time);
});

test("a change that is not written yet gets its totals from a later report", async () => {
  const { record, documents } = await start();
  const early = reportOf(1, { changes: [{ version: 6, proxies: 2, settled: 1, refused: 0 }] });
  await record(early);
  assert.equal(await documents.get("changes", "one", "change:000000000006"), undefined);
});

test("what is no report is rejected, and keeps nothing else back", async () => {
  const { record, recorded, warnings } = await start();
  await record("text", {}, { ...reportOf(1), interval: -1 }, { ...reportOf(1), proxies: 7 }, reportOf(2));
  assert.equal(warnings.filter((warning) => /not a report/.test(warning)).length, 4);
  assert.equal((await recorded())?.time, reportOf(2).time);
});

test("a throttled store is asked again; a timeline that another wrote just now is left to the next report", async () => {
  const { record, totals, warnings, batchFaults } = await start();
  batchFaults.push(new MeshError("throttled", "slow down"));
  await record(reportOf(1));
  assert.equal((await totals())?.settled, 1);
  batchFaults.push(new MeshError("precondition-failed", "another"));
  await record(reportOf(2));
  assert.deepEqual([(await totals())?.settled, warnings], [1, []]);
});

test("totals that were written just now are not written again; after a while they are", async () => {
  const world = await start();
  const { record, documents, totals } = world;
  await record(reportOf(1));
  await record({ ...reportOf(2), changes: reportOf(1).changes });
  assert.equal(world.batches, 1);
  await record(reportOf(3));
  assert.deepEqual([world.batches, (await totals())?.settled], [2, 3]);
  await documents.put("changes", { id: "change:000000000005", partition: "one", body: { version: 5, stages: [] } });
  world.now = new Date("2026-01-01T00:20:00Z");
  await record({ ...reportOf(4), changes: reportOf(3).changes });
  assert.equal((await totals())?.settled, 3, "an instance that wrote older ones does not have the last word");
});
