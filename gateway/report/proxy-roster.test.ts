import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyIdentity } from "../xds/ports.ts";
import { createProxyRoster, type Refusal } from "./proxy-roster.ts";

function identityOf(pod: string): ProxyIdentity {
  return { proxy: `shop/${pod}`, namespace: "shop", pod, podUid: `uid-${pod}`, serviceAccount: "cart" };
}

const [a, b] = [identityOf("a"), identityOf("b")];
const info = { nodeId: "node", envoyVersion: "1.40.0", protocol: "delta" } as const;
const bad = { type: "route", names: [{ name: "cart", version: "v-bad" }], message: "no such cluster" } as const;

function start() {
  let seconds = 0;
  const news: boolean[] = [];
  const refusals: Refusal[] = [];
  let reliefs = 0;
  const roster = createProxyRoster({
    now: () => new Date(seconds++ * 1000),
    onNews: (urgent) => news.push(urgent),
    onRefusal: (refusal) => refusals.push(refusal),
    onRelief: () => reliefs++,
  });
  const settled = (identity: ProxyIdentity, snapshotVersion: number): void =>
    roster.settled(identity, { generation: snapshotVersion, snapshotVersion });
  return {
    roster,
    news,
    refusals,
    settled,
    reliefs: () => reliefs,
    row: (proxy: string) => roster.rows().find((row) => row.proxy === proxy),
    change: (version: number) => roster.changes().find((change) => change.version === version),
  };
}

test("totals of a change grow with each proxy; the first acknowledgement is urgent news, and its time stays", () => {
  const { roster, settled, news, change, row } = start();
  roster.connected(a, info);
  roster.connected(b, info);
  roster.want(5);
  assert.deepEqual(change(5), { version: 5, proxies: 2, settled: 0, refused: 0 });
  news.length = 0;
  settled(a, 5);
  assert.ok(news.includes(true));
  const { first } = change(5) ?? {};
  news.length = 0;
  settled(b, 5);
  assert.ok(news.length > 0 && !news.includes(true));
  const total = change(5);
  assert.deepEqual([total?.settled, total?.first, (total?.last ?? "") > (first ?? "")], [2, first, true]);
  assert.deepEqual([row("shop/a")?.wanted, row("shop/a")?.acknowledged], [5, 5]);
});

test("a proxy that acknowledges a version has acknowledged those before it", () => {
  const { roster, settled, change } = start();
  roster.connected(a, info);
  for (const version of [5, 6, 7]) roster.want(version);
  settled(a, 6);
  assert.deepEqual(
    [5, 6, 7].map((version) => change(version)?.settled),
    [1, 1, 0],
  );
  settled(a, 5);
  assert.equal(change(6)?.settled, 1, "an older settlement takes nothing back");
});

test("a proxy that connects later stretches no timeline, but what it has is news", () => {
  const { roster, settled, change, news, row } = start();
  roster.connected(a, info);
  roster.want(5);
  settled(a, 5);
  const { first, last } = change(5) ?? {};
  roster.connected(b, info);
  news.length = 0;
  settled(b, 5);
  assert.deepEqual([change(5)?.first, change(5)?.last, change(5)?.settled], [first, last, 2]);
  assert.deepEqual([news, row("shop/b")?.acknowledged], [[false], 5]);
});

test("the newest changes are kept, newest first, and a version is opened once", () => {
  const { roster } = start();
  for (let version = 1; version <= 30; version++) {
    roster.want(version);
    roster.want(version);
  }
  assert.deepEqual(
    roster.changes().map(({ version }) => version),
    Array.from({ length: 20 }, (_, index) => 30 - index),
  );
});

test("a refusal is urgent, stands on the row and against the change it holds up, and not against older ones", () => {
  const { roster, settled, news, refusals, row, change } = start();
  roster.connected(a, info);
  roster.want(5);
  settled(a, 5);
  roster.want(6);
  news.length = 0;
  roster.refused(a, bad);
  assert.deepEqual([news.at(-1), refusals.length, roster.refusals().length], [true, 1, 1]);
  assert.equal(row("shop/a")?.refused, "route cart: no such cluster");
  assert.deepEqual([change(5)?.refused, change(6)?.refused], [0, 1]);
});

for (const { name, end } of [
  {
    name: "another version is acknowledged",
    end: ({ roster }: ReturnType<typeof start>) =>
      roster.acknowledged(a, { type: "route", names: [{ name: "cart", version: "v-good" }] }),
  },
  {
    name: "all of a view is, which does not ask for it any more",
    end: ({ settled }: ReturnType<typeof start>) => settled(a, 5),
  },
  { name: "the proxy goes", end: ({ roster }: ReturnType<typeof start>) => roster.disconnected(a, "gone") },
  { name: "the proxy comes back", end: ({ roster }: ReturnType<typeof start>) => roster.connected(a, info) },
]) {
  test(`a refusal ends when ${name}`, () => {
    const world = start();
    world.roster.connected(a, info);
    world.roster.want(5);
    world.settled(a, 5);
    world.roster.refused(a, bad);
    assert.equal(world.reliefs(), 0);
    end(world);
    assert.deepEqual([world.roster.refusals(), world.reliefs()], [[], 1]);
  });
}

test("a proxy whose new stream begins before the old one ends stays connected", () => {
  const { roster, settled, row } = start();
  roster.want(5);
  roster.connected(a, info);
  roster.connected(a, info);
  settled(a, 5);
  roster.disconnected(a, "the old stream broke");
  assert.equal(row("shop/a")?.acknowledged, 5);
  roster.disconnected(a, "gone");
  assert.deepEqual(roster.rows(), []);
  roster.disconnected(a, "again");
  assert.deepEqual(roster.rows(), []);
});

test("rows are by name, and a long refusal is cut so that hundreds fit into one message", () => {
  const { roster } = start();
  roster.connected(b, info);
  roster.connected(a, info);
  roster.refused(a, { ...bad, message: "x".repeat(100_000) });
  assert.deepEqual(
    roster.rows().map(({ proxy }) => proxy),
    ["shop/a", "shop/b"],
  );
  assert.ok((roster.rows()[0]?.refused?.length ?? 0) <= 400);
});
