import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyRow } from "../../shared/store/documents.ts";
import { addUp, isUrgent, parseReplicaReport, type ReplicaReport, writeReplicaReport } from "./replica-report.ts";

const at = { time: "now", interval: 30_000 };
const object = { group: "", kind: "Service", namespace: "shop", name: "cart" };

function row(proxy: string, acknowledged: number, more: Partial<ProxyRow> = {}): ProxyRow {
  return { proxy, account: "shop/cart", wanted: 5, acknowledged, connectedSince: "1", ...more };
}

function reportOf(replica: string, proxies: readonly ProxyRow[], more: Partial<ReplicaReport> = {}): ReplicaReport {
  const totals = {
    connected: proxies.length,
    settled: proxies.filter(({ acknowledged }) => acknowledged >= 5).length,
    refusing: proxies.filter(({ refused }) => refused !== undefined).length,
  };
  return { replica, wanted: 5, totals, changes: [], proxies, problems: [], ...more };
}

test("addUp() puts all replicas' proxies and totals together, refusing ones first, then laggards", () => {
  const { totals, proxies, replicas, wanted } = addUp(
    [reportOf("a", [row("p1", 5), row("p2", 3)]), reportOf("b", [row("p3", 5, { refused: "no" })])],
    at,
  );
  assert.deepEqual(totals, { connected: 3, settled: 2, refusing: 1 });
  assert.deepEqual(
    proxies.map(({ proxy }) => proxy),
    ["p3", "p2", "p1"],
  );
  assert.deepEqual(
    [wanted, replicas.map(({ replica, serves, connected }) => `${replica} ${serves} ${connected}`)],
    [5, ["a 5 2", "b 5 1"]],
  );
});

test("addUp() counts a proxy that moved once, where it came later", () => {
  const { totals, proxies } = addUp(
    [reportOf("a", [row("p", 3)]), reportOf("b", [row("p", 5, { connectedSince: "2" })])],
    at,
  );
  assert.deepEqual([totals.connected, proxies.map(({ acknowledged }) => acknowledged)], [1, [5]]);
});

test("addUp() trusts totals where rows are not all, and counts nobody as settled who serves an older version", () => {
  const many = { connected: 1000, settled: 999, refusing: 1 };
  const behind = reportOf("b", [row("p2", 4)], { wanted: 4, totals: { connected: 10, settled: 10, refusing: 0 } });
  assert.deepEqual(addUp([reportOf("a", [row("p1", 5)], { totals: many }), behind], at).totals, {
    connected: 1010,
    settled: 999,
    refusing: 1,
  });
});

test("addUp() adds up the totals of each change, from the first acknowledgement anywhere to the last", () => {
  const change = { version: 5, proxies: 2, settled: 1, refused: 0, first: "2", last: "3" };
  const { changes } = addUp(
    [
      reportOf("a", [], { changes: [change, { ...change, version: 4 }] }),
      reportOf("b", [], { changes: [{ ...change, first: "1", last: "4" }] }),
      reportOf("c", [], { changes: [{ version: 5, proxies: 1, settled: 0, refused: 1 }] }),
    ],
    at,
  );
  assert.deepEqual(changes, [
    { version: 5, proxies: 5, settled: 2, refused: 1, first: "1", last: "4" },
    { ...change, version: 4 },
  ]);
});

test("addUp() tells a problem once that several replicas have", () => {
  const problems = [{ code: "rejected-by-proxy" as const, object, message: "no" }];
  assert.deepEqual(addUp([reportOf("a", [], { problems }), reportOf("b", [], { problems })], at).problems, problems);
});

test("an annotation holds totals whole, and of rows and problems what fits and others do not know", () => {
  const rows = Array.from({ length: 3000 }, (_, index) => row(`p${index}`, 1, { refused: "x".repeat(400) }));
  const problems = [
    { code: "rejected-by-proxy" as const, object, message: "no" },
    { code: "address-conflict" as const, object, message: "every replica knows it" },
  ];
  const text = writeReplicaReport(reportOf("a", rows, { problems }));
  assert.ok(text.length <= 60_000);
  const read = parseReplicaReport(text);
  assert.deepEqual([read?.totals.connected, read?.problems.length], [3000, 1]);
  assert.ok((read?.proxies.length ?? 0) >= 50);
});

test("what is no report counts as none", () => {
  for (const text of [undefined, "", "no", "{}", JSON.stringify({ ...reportOf("a", []), wanted: "5" })])
    assert.equal(parseReplicaReport(text), undefined);
});

test("isUrgent(): a refusal, and the first acknowledgement of a change", () => {
  const change = { version: 5, proxies: 1, settled: 0, refused: 0 };
  const calm = reportOf("a", [row("p", 3)], { changes: [change] });
  assert.equal(isUrgent(calm, { ...calm, totals: { connected: 2, settled: 1, refusing: 0 } }), false);
  assert.equal(isUrgent(calm, reportOf("a", [row("p", 3, { refused: "no" })])), true);
  const begun = { ...calm, changes: [{ ...change, first: "1" }] };
  assert.equal(isUrgent(calm, begun), true);
  assert.equal(isUrgent(begun, { ...begun, changes: [{ ...change, first: "1", last: "2", settled: 1 }] }), false);
});
