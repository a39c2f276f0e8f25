import assert from "node:assert/strict";
import { test } from "node:test";
import { type KubernetesCall, KubernetesRefusal } from "../../gateway/kubernetes/client.ts";
import type { AppCounters } from "../scenarios/bookstore/apps/counters.ts";
import type { KubernetesApi } from "./apply-objects.ts";
import type { AppName } from "./columns.ts";
import { deployBookstore } from "./deploy-bookstore.ts";
import type { Expectation } from "./expectation.ts";
import type { WalkProgress } from "./progress.ts";
import { type Row, rows } from "./rows.ts";
import { walk } from "./walk.ts";

/** Keeps what is applied; pods are ready at once. */
function createKubernetes(): KubernetesApi & { readonly objects: Map<string, object>; readonly calls: string[] } {
  const objects = new Map<string, object>();
  const calls: string[] = [];
  const answer = ({ method = "GET", path, body = {} }: KubernetesCall): object => {
    const [name = ""] = path.split("?");
    if (method !== "GET") calls.push(`${method} ${name}`);
    if (method === "PATCH") {
      objects.set(name, { ...body, status: { conditions: [{ type: "Ready", status: "True" }] } });
      return {};
    }
    const found = objects.get(name);
    if (found === undefined) throw new KubernetesRefusal(404, "NotFound", `${name} not found`);
    if (method === "DELETE") objects.delete(name);
    return found;
  };
  return { objects, calls, call: async <T>(call: KubernetesCall) => answer(call) as T };
}

/** Apps that do what a row expects of them: at every reading some more of it. */
function createApps(rowAtHand: () => Row): (app: AppName) => Promise<AppCounters | undefined> {
  const told = new Map<AppName, AppCounters>();
  return (app) => {
    const before = told.get(app) ?? {
      app,
      startedAt: "then",
      attempts: 0,
      succeeded: {},
      denied: {},
      served: 0,
      books: 0,
    };
    const expectation = rowAtHand().expected[app];
    if (expectation.kind === "absent") return Promise.resolve(undefined);
    const now = after(before, expectation);
    told.set(app, now);
    return Promise.resolve(now);
  };
}

function after(before: AppCounters, expectation: Exclude<Expectation, { kind: "absent" }>): AppCounters {
  const many = 100;
  if (expectation.side === "server")
    return { ...before, served: before.served + (expectation.kind === "increments" ? many : 0) };
  const outcomes =
    expectation.kind === "increments"
      ? expectation.from
      : expectation.kind === "frozen"
        ? [expectation.denial]
        : Object.keys(expectation.shares);
  const [succeeded, denied] = [{ ...before.succeeded }, { ...before.denied }];
  for (const outcome of outcomes) {
    const into = outcome.startsWith("bookstore") ? succeeded : denied;
    into[outcome] = (into[outcome] ?? 0) + many;
  }
  return { ...before, attempts: before.attempts + outcomes.length * many, succeeded, denied };
}

interface Walked {
  readonly result: Awaited<ReturnType<typeof walk>>;
  readonly progress: readonly WalkProgress[];
}

async function walkWith(change: Partial<Parameters<typeof walk>[0]> = {}): Promise<Walked> {
  const client = createKubernetes();
  const progress: WalkProgress[] = [];
  const first = rows[0];
  assert.ok(first);
  let row = first;
  const result = await walk({
    client,
    readCounters: createApps(() => row),
    measureAcks: async (apply, { proxies }) => {
      await apply();
      return { ackMs: 42, version: 7, proxies };
    },
    onProgress: (event) => {
      row = event.row;
      progress.push(event);
    },
    settings: { pollMs: 1, observeLimitMs: 30_000 },
    ...change,
  });
  return { result, progress };
}

void test("walk() goes through all rows, and is content when all apps do as expected", async () => {
  const { result, progress } = await walkWith();
  assert.deepEqual(
    result.steps.filter(({ cells }) => !cells.every(({ ok }) => ok)),
    [],
  );
  assert.equal(result.ok, true);
  assert.deepEqual(
    result.steps.map(({ name, ackMs }) => [name.split(" ")[0], ackMs]),
    rows.map(({ id }) => [id, 42]),
  );
  const proxies = progress.flatMap((event) => (event.kind === "acknowledged" ? [event.proxies] : []));
  assert.deepEqual(proxies, [5, 5, 5, 5, 6, 6, 6, 6]);
  const [step] = result.steps;
  assert.deepEqual(Object.keys(step ?? {}), ["name", "ackMs", "cells"]);
  assert.deepEqual(Object.keys(step?.cells[0] ?? {}), ["app", "expected", "seen", "ok"]);
  assert.deepEqual(step?.cells[0]?.expected, "increments (bookstore-v1)");
});

void test("walk() fails the cell of an app that does not do as expected, and walks on", async () => {
  const honest = createApps(() => rows[1] ?? assert.fail());
  const thieves = createApps(() => rows[3] ?? assert.fail());
  const { result } = await walkWith({
    rows: rows.slice(1, 2),
    readCounters: (app) => (app === "bookthief" ? thieves(app) : honest(app)),
  });
  assert.equal(result.ok, false);
  const wrong = result.steps.flatMap(({ cells }) => cells.filter(({ ok }) => !ok));
  assert.deepEqual(
    wrong.map(({ app, expected }) => [app, expected]),
    [["bookthief", "frozen (403)"]],
  );
  assert.match(wrong[0]?.seen ?? "", /bookstore-v1/);
});

void test("walk() says why when a change is not acknowledged, or an app is silent", async () => {
  const honest = createApps(() => rows[0] ?? assert.fail());
  const { result } = await walkWith({
    rows: rows.slice(0, 1),
    measureAcks: () => Promise.reject(new Error("proxy-1 is at version 4 of 5")),
    readCounters: (app) => (app === "mysql" ? Promise.reject(new Error("no route")) : honest(app)),
    settings: { pollMs: 1, observeLimitMs: 50 },
  });
  const [step] = result.steps;
  assert.equal(result.ok, false);
  assert.deepEqual([step?.ackMs, step?.problem], [null, "proxy-1 is at version 4 of 5"]);
  const mysql = step?.cells.find(({ app }) => app === "mysql");
  assert.deepEqual([mysql?.ok, mysql?.seen], [false, "silent (not enough in time)"]);
});

void test("walk() ends when it is told to", async () => {
  const stop = new AbortController();
  const walking = walkWith({
    rows: rows.slice(0, 1),
    readCounters: () => Promise.resolve(undefined),
    signal: stop.signal,
    onProgress: ({ kind }) => {
      if (kind === "row-started") stop.abort();
    },
  });
  await assert.rejects(walking, { name: "AbortError" });
});

void test("deployBookstore() takes away what an earlier walk left, and nothing that stands before the first row", async () => {
  const client = createKubernetes();
  await deployBookstore(client);
  const fresh = [...client.objects.keys()].toSorted();
  await walk({
    client,
    readCounters: () => Promise.resolve(undefined),
    measureAcks: (apply) => apply().then(() => ({ ackMs: 1, version: 1, proxies: 1 })),
    onProgress: () => {},
    settings: { pollMs: 1, observeLimitMs: 0 },
  });
  assert.ok(client.objects.size > fresh.length);
  client.calls.length = 0;
  await deployBookstore(client);
  assert.deepEqual([...client.objects.keys()].toSorted(), fresh);
  const deleted = client.calls.filter((call) => call.startsWith("DELETE"));
  assert.ok(!deleted.some((call) => call.includes("/namespaces/bookstore/services/bookstore ")));
  assert.ok(deleted.includes("DELETE /api/v1/namespaces/bookstore/pods/bookstore-v2"));
  const config = client.objects.get(
    "/apis/config.openservicemesh.io/v1alpha2/namespaces/osm-system/meshconfigs/osm-mesh-config",
  ) as { readonly spec?: { readonly traffic?: object } } | undefined;
  assert.deepEqual(config?.spec?.traffic, { enablePermissiveTrafficPolicyMode: false, enableEgress: false });
});
