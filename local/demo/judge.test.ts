import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppCounters } from "../scenarios/bookstore/apps/counters.ts";
import { binomialInterval } from "./binomial.ts";
import { describeExpectation, type Expectation } from "./expectation.ts";
import { judge, type Reading } from "./judge.ts";

type Counts = Readonly<Record<string, number>>;

interface Parts {
  readonly succeeded?: Counts;
  readonly denied?: Counts;
  readonly served?: number;
}

function reading(
  { succeeded = {}, denied = {}, served = 0 }: Parts,
  clientAttempts = 0,
  startedAt = "then",
): Reading & { readonly counters: AppCounters } {
  const attempts = [...Object.values(succeeded), ...Object.values(denied)].reduce((sum, count) => sum + count, 0);
  const counters: AppCounters = { app: "app", startedAt, attempts, succeeded, denied, served, books: 0 };
  return { counters, clientAttempts };
}

const before = reading({ succeeded: { "bookstore-v1": 7, "bookstore-v2": 3 }, denied: { "403": 5 }, served: 11 }, 100);

function add(a: Counts = {}, b: Counts = {}): Counts {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]));
}

/** What is judged of these counts since `before`. */
function since(expectation: Expectation, counts: Parts, clientAttempts = 0): string {
  const now = reading(
    {
      succeeded: add(before.counters.succeeded, counts.succeeded),
      denied: add(before.counters.denied, counts.denied),
      served: 11 + (counts.served ?? 0),
    },
    100 + clientAttempts,
  );
  const { state, seen } = judge(expectation, before, now);
  return `${state}: ${seen}`;
}

const fromV1: Expectation = { kind: "increments", side: "client", from: ["bookstore-v1"] };
const fromBoth: Expectation = { kind: "increments", side: "client", from: ["bookstore-v1", "bookstore-v2"] };
const frozen: Expectation = { kind: "frozen", side: "client", denial: "403" };
const serves: Expectation = { kind: "increments", side: "server" };
const idle: Expectation = { kind: "frozen", side: "server" };
const half: Expectation = { kind: "split", side: "client", shares: { "bookstore-v1": 0.5, "bookstore-v2": 0.5 } };
const mixed: Expectation = { kind: "mixed", side: "client", shares: { "bookstore-v1": 0.5, "503": 0.5 } };

void test("judge() takes 50 successes for an increment, and none from another identity", () => {
  assert.equal(since(fromV1, {}), "undecided: nothing");
  assert.equal(since(fromV1, { succeeded: { "bookstore-v1": 49 } }), "undecided: 49 bookstore-v1");
  assert.equal(since(fromV1, { succeeded: { "bookstore-v1": 50 } }), "ok: 50 bookstore-v1");
  const withStray = since(fromV1, { succeeded: { "bookstore-v1": 90, "bookstore-v2": 1 } });
  assert.equal(withStray, "failed: 90 bookstore-v1, 1 bookstore-v2");
  assert.equal(
    since(fromV1, { succeeded: { "bookstore-v1": 50 }, denied: { closed: 1 } }),
    "ok: 50 bookstore-v1, 1 closed",
  );
});

void test("judge() waits until every identity was seen", () => {
  assert.equal(since(fromBoth, { succeeded: { "bookstore-v1": 60 } }), "undecided: 60 bookstore-v1");
  const both = since(fromBoth, { succeeded: { "bookstore-v1": 30, "bookstore-v2": 20 } });
  assert.equal(both, "ok: 30 bookstore-v1, 20 bookstore-v2");
});

void test("judge() takes 50 attempts for a frozen client, all with the expected denial", () => {
  assert.equal(since(frozen, { denied: { "403": 49 } }), "undecided: 49 403");
  assert.equal(since(frozen, { denied: { "403": 50 } }), "ok: 50 403");
  assert.equal(since(frozen, { denied: { "403": 50, "503": 1 } }), "failed: 50 403, 1 503");
  assert.equal(
    since(frozen, { denied: { "403": 9 }, succeeded: { "bookstore-v1": 1 } }),
    "failed: 1 bookstore-v1, 9 403",
  );
});

void test("judge() measures a server's standstill against its clients' attempts", () => {
  assert.equal(since(serves, { served: 49 }), "undecided: 49 served");
  assert.equal(since(serves, { served: 50 }), "ok: 50 served");
  assert.equal(since(idle, {}, 49), "undecided: 0 served during 49 attempts");
  assert.equal(since(idle, {}, 50), "ok: 0 served during 50 attempts");
  assert.equal(since(idle, { served: 1 }, 3), "failed: 1 served during 3 attempts");
});

void test("judge() takes 400 requests for a split, and 800 when a share of these is not within the interval", () => {
  assert.match(since(half, { succeeded: { "bookstore-v1": 199, "bookstore-v2": 200 } }), /^undecided/);
  assert.match(since(half, { succeeded: { "bookstore-v1": 195, "bookstore-v2": 205 } }), /^ok/);
  assert.match(since(half, { succeeded: { "bookstore-v1": 167, "bookstore-v2": 233 } }), /^ok/);
  assert.match(since(half, { succeeded: { "bookstore-v1": 166, "bookstore-v2": 234 } }), /^undecided/);
  assert.match(since(half, { succeeded: { "bookstore-v1": 333, "bookstore-v2": 466 } }), /^undecided/);
  assert.match(since(half, { succeeded: { "bookstore-v1": 333, "bookstore-v2": 467 } }), /^failed/);
  assert.match(since(half, { succeeded: { "bookstore-v1": 800 } }), /^failed/);
  assert.match(since(half, { succeeded: { "bookstore-v1": 200, "bookstore-v2": 200, other: 1 } }), /^failed/);
  assert.match(since(mixed, { succeeded: { "bookstore-v1": 210 }, denied: { "503": 190, closed: 2 } }), /^ok/);
  assert.match(since(mixed, { succeeded: { "bookstore-v1": 1, "bookstore-v2": 1 } }), /^failed/);
});

void test("judge() knows pods that are absent, must be absent, or were started anew", () => {
  const nobody: Reading = { counters: "absent", clientAttempts: 0 };
  assert.equal(judge({ kind: "absent" }, nobody, nobody).state, "ok");
  assert.equal(judge({ kind: "absent" }, nobody, before).state, "failed");
  assert.equal(judge(serves, before, nobody).state, "undecided");
  assert.equal(judge(serves, before, reading({ served: 90 }, 0, "later")).state, "failed");
});

void test("binomialInterval() holds all but half of the rest on either side", () => {
  assert.deepEqual(binomialInterval(400, 0.5, 0.999), { least: 167, most: 233 });
  // 0.9 ** 50 is 0.5 %: no hit at all is not so rare.
  assert.deepEqual(binomialInterval(50, 0.1, 0.99), { least: 0, most: 11 });
  assert.deepEqual(binomialInterval(10, 0, 0.999), { least: 0, most: 0 });
  assert.deepEqual(binomialInterval(10, 1, 0.999), { least: 10, most: 10 });
  const many = binomialInterval(20_000, 0.5, 0.999);
  assert.equal(many.least + many.most, 20_000);
  assert.ok(Math.abs(many.least - (10_000 - 3.29 * Math.sqrt(5_000))) < 2, "near the normal distribution's");
});

void test("describeExpectation() says what is expected", () => {
  assert.equal(describeExpectation(fromBoth), "increments (bookstore-v1 and bookstore-v2)");
  assert.equal(describeExpectation(frozen), "frozen (403)");
  assert.equal(describeExpectation(half), "split (50 % bookstore-v1, 50 % bookstore-v2)");
  assert.equal(describeExpectation(mixed), "mixed (50 % 503, 50 % bookstore-v1)");
  assert.equal(describeExpectation(idle), "frozen");
  assert.equal(describeExpectation({ kind: "absent" }), "absent");
});
