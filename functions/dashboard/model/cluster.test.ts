import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, ProxyReport } from "../../../shared/store/documents.ts";
import { bookstoreReport } from "../testdata/publisher.ts";
import { buildChanges } from "./changes.ts";
import { buildProblems } from "./problems.ts";
import { buildProxies, isSilent } from "./proxies.ts";

const time = "2026-05-01T12:00:00.000Z";

function later(milliseconds: number): string {
  return new Date(Date.parse(time) + milliseconds).toISOString();
}

test("buildProxies() puts refusing proxies first, then those behind, the farthest first", () => {
  const report = bookstoreReport({
    version: 9,
    time,
    behind: { "mysql-0": 8, "bookthief-6b8f7d5c9-4jq7z": 3 },
    refused: { "bookwarehouse-84b9d7f6c-h3sxd": "LDS inbound: no" },
  });
  const { rows, connected, settled, refusing } = buildProxies(9, report);
  assert.deepEqual(
    rows.slice(0, 4).map(({ state, proxy }) => `${state} ${proxy}`),
    [
      "refusing bookwarehouse-84b9d7f6c-h3sxd",
      "behind bookthief-6b8f7d5c9-4jq7z",
      "behind mysql-0",
      "settled bookbuyer-7d9c5f8b6d-x2l9k",
    ],
  );
  assert.deepEqual([connected, settled, refusing], [7, 5, 1]);
});

test("buildProxies() counts nobody as settled while the head is ahead of the gateways", () => {
  const { settled, rows } = buildProxies(10, bookstoreReport({ version: 9, time }));
  assert.equal(settled, 0);
  assert.ok(rows.every(({ state, wanted }) => state === "behind" && wanted === 10));
});

test("a gateway is silent when it missed three reports", () => {
  const report = bookstoreReport({ version: 4, time });
  const at = (milliseconds: number): Date => new Date(Date.parse(report.time) + milliseconds);
  assert.deepEqual([isSilent(report, at(90_000)), isSilent(report, at(90_001))], [false, true]);
});

test("buildProxies() trusts the totals of a report whose rows are not all", () => {
  const report = bookstoreReport({ version: 5, time });
  const large = { ...report, totals: { connected: 2000, settled: 1990, refusing: 2 } };
  const { connected, settled, refusing, more } = buildProxies(5, large);
  assert.deepEqual([connected, settled, refusing, more], [2000, 1990, 2, 1993]);
});

const change: Change = {
  version: 5,
  causes: [
    {
      object: { group: "split.smi-spec.io", kind: "TrafficSplit", namespace: "shop", name: "store" },
      what: "applied",
      position: { epoch: 1, seq: 7 },
      time,
      cause: { manager: "kubectl", generation: 3 },
    },
  ],
  moreCauses: 0,
  resources: { added: 1, changed: 2, removed: 0 },
  stages: [
    { stage: "compiled", time: later(40) },
    { stage: "published", time: later(46) },
  ],
};

test("buildChanges() measures every stage from the one before", () => {
  const report = bookstoreReport({ version: 5, time: later(100) });
  const [model] = buildChanges([change], report);
  assert.deepEqual(
    model?.stages.map(({ stage, since }) => [stage, since]),
    [
      ["seen", 0],
      ["compiled", 40],
      ["published", 6],
      ["first ACK", 85],
      ["last ACK", 47],
    ],
  );
  assert.deepEqual([model.total, model.state], [178, "settled"]);
});

test("buildChanges() takes what the gateway says now, and what is stored when it says nothing", () => {
  const report = bookstoreReport({ version: 5, time: later(500), behind: { "mysql-0": 4 } });
  const acknowledged = { proxies: 3, settled: 3, refused: 0, first: later(60), last: later(70) };
  const [told] = buildChanges([{ ...change, acknowledged }], report);
  assert.deepEqual(told?.acknowledged, { proxies: 7, settled: 6, refused: 0 });
  assert.equal(told.state, "settling");
  assert.equal(told.stages.at(-1)?.time, later(578));
  const [stored] = buildChanges([{ ...change, acknowledged }], bookstoreReport({ version: 40, time }));
  assert.deepEqual([stored?.state, stored?.total], ["settled", 70]);
  assert.equal(buildChanges([change], undefined)[0]?.state, "waiting");
});

test("buildProblems() takes from reports only what proxies refuse: the rest may be mended since", () => {
  const object = { group: "", kind: "Service", namespace: "shop", name: "store" };
  const report: ProxyReport = {
    ...bookstoreReport({ version: 5, time }),
    problems: [
      { code: "address-conflict", object, message: "old" },
      { code: "rejected-by-proxy", object, message: "no" },
    ],
  };
  const { total, problems } = buildProblems({ version: 5, total: 300, problems: [] }, report);
  assert.equal(total, 301);
  assert.deepEqual(
    problems.map(({ code, whatToDo }) => [code, whatToDo.includes("Undo the last change")]),
    [["rejected-by-proxy", true]],
  );
});
