import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { composeFunctions, type FunctionsApp } from "../../functions/compose.ts";
import { createDashboard, type Dashboard, type DashboardRequest } from "../../functions/dashboard/dashboard.ts";
import {
  bookstore,
  meshConfigOf,
  mistakenTarget,
  splitOf,
  storeTarget,
} from "../../functions/dashboard/testdata/bookstore.ts";
import {
  bookstoreReport,
  createTestPublisher,
  type TestPublisher,
} from "../../functions/dashboard/testdata/publisher.ts";
import { createMemoryDocumentStore } from "../../shared/adapters/memory/document-store.ts";
import { createMemoryHub } from "../../shared/adapters/memory/event-hub.ts";
import type { ContentHash } from "../../shared/core/brand.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { joinCluster, putServedLocally, readHead } from "../../shared/store/cluster-store.ts";

/** The dashboard over documents that the real functions wrote. */

const timeout = 30_000;
const mesh = "shop";
const now = (): Date => new Date();

interface World {
  readonly app: FunctionsApp;
  readonly documents: DocumentStore;
  readonly dashboard: Dashboard;
  readonly publisher: TestPublisher;
  /** What the store throws from now on. */
  fail(error: Error | undefined): void;
  version(): Promise<number>;
  /** How often the store was read so far. */
  reads(): number;
}

async function makeWorld(clusters: readonly string[] = ["local"], lifetime = 20_000): Promise<World> {
  const memory = createMemoryDocumentStore();
  let fault: Error | undefined;
  let reads = 0;
  const documents: DocumentStore = {
    ...memory,
    get(...args) {
      reads++;
      return fault === undefined ? memory.get(...args) : Promise.reject(fault);
    },
  };
  const log = { info: () => undefined, warn: () => undefined };
  const parts = { mesh, documents, snapshots: createMemoryHub().sender, now, log, clusterTimeLimit: 20_000 };
  const publisher = createTestPublisher(mesh, "local", now);
  for (const cluster of clusters) await joinCluster(documents, cluster, publisher.key);
  return {
    app: composeFunctions(parts),
    documents,
    dashboard: createDashboard(parts, { interval: 10, heartbeat: 15_000, lifetime }),
    publisher,
    fail(error) {
      fault = error;
    },
    reads: () => reads,
    async version() {
      return (await readHead(memory, "local"))?.head.version ?? 0;
    },
  };
}

/** The bookstore with seven proxies, of which one lags, and a mistake. */
async function makeBookstore(): Promise<World> {
  const world = await makeWorld();
  const { app, publisher } = world;
  await app.ingestEvents(publisher.list(bookstore()));
  await app.ingestEvents([publisher.applied(mistakenTarget, { manager: "kubectl", generation: 1 })]);
  await app.ingestEvents([
    publisher.applied(splitOf({ "bookstore-v1": 25, "bookstore-v2": 75 }), {
      manager: "kubectl-client-side-apply",
      generation: 3,
    }),
  ]);
  const version = await world.version();
  const report = bookstoreReport({ version, time: now().toISOString(), behind: { "mysql-0": version - 1 } });
  await app.recordReports([publisher.report(report)]);
  return world;
}

function request(path: string, params: Record<string, string> = {}): DashboardRequest {
  const url = new URL(path, "http://127.0.0.1:7071");
  return { url: url.href, params, query: url.searchParams };
}

async function clusterPage({ dashboard }: World, cluster = "local"): Promise<{ status: number; text: string }> {
  const { status = 0, body } = await dashboard.cluster(request(`/api/dashboard/${cluster}`, { cluster }));
  return { status, text: textOf(bodyOf(body)) };
}

function bodyOf(body: unknown): string {
  assert.ok(typeof body === "string");
  return body;
}

/** What a reader sees, without tags. */
function textOf(page: string): string {
  return page
    .replace(/<(style|script)>.*?<\/\1>/gs, " ")
    .replace(/<[^>]*>/g, " ")
    .replace(/&amp;/g, "&")
    .replace(/\s+/g, " ")
    .replace(/([/(]) /g, "$1")
    .replace(/ ([:,])/g, "$1");
}

test("a cluster's page shows who may call whom, splits, proxies, changes and problems", { timeout }, async () => {
  const world = await makeBookstore();
  const { status, text } = await clusterPage(world);
  assert.equal(status, 200);
  const version = await world.version();
  for (const seen of [
    /Who may call whom 6 sources × 4 destinations; what no policy gives is refused/,
    /bookbuyer\/bookbuyer bookstore\/bookstore-v1 bookstore\/bookstore:14001, bookstore\/bookstore-v1:14001 GET \.\*a-book\.\*new GET \/books-bought client-app: bookbuyer/,
    /bookwarehouse\/bookwarehouse bookwarehouse\/mysql bookwarehouse\/mysql:3306 open connections TrafficTarget/,
    /bookstore\/bookstore-v2 75 % bookstore\/bookstore-v1 25 %/,
    new RegExp(`version ${version} 6 of 7 proxies settled`),
    /behind mysql-0 bookwarehouse\/mysql/,
    /TrafficSplit bookstore\/bookstore-split applied by kubectl-client-side-apply, generation 3/,
    /seen .* compiled .* published .* first ACK .* newest ACK/,
    /TrafficTarget bookstore\/bookthief-access-bookstore-v2 route-match-not-found/,
    /Correct the name, or add the match to the group\./,
  ]) {
    assert.match(text, seen);
  }
  assert.ok(text.indexOf("behind mysql-0") < text.indexOf("settled bookbuyer"), "laggards come first");
});

test("in permissive mode the page says that policies do not count, and shows what they would give", {
  timeout,
}, async () => {
  const world = await makeBookstore();
  await world.app.ingestEvents([world.publisher.applied(meshConfigOf("permissive"))]);
  const { text } = await clusterPage(world);
  assert.match(text, /every workload of the mesh may call every other, policies do not count/);
  assert.match(text, /in force once the mesh is no longer permissive/);
  assert.match(text, /open, because permissive/);
});

test("a change reaches an open page as the parts that differ, and only those", { timeout }, async () => {
  const world = await makeBookstore();
  const page = await world.dashboard.cluster(request("/api/dashboard/local", { cluster: "local" }));
  const have = [...bodyOf(page.body).matchAll(/data-hash="([^"]+)"/g)].map(([, hash]) => hash).join(",");
  await using stream = openStream(
    await world.dashboard.events(request(`/api/dashboard/local/events?have=${have}`, { cluster: "local" })),
  );
  const target = storeTarget("v2", ["bookbuyer/bookbuyer", "bookthief/bookthief"]);
  await world.app.ingestEvents([world.publisher.applied(target)]);
  const version = await world.version();
  assert.match(textOf(await stream.part("rules")), /bookthief\/bookthief bookstore\/bookstore-v2/);
  assert.match(textOf(await stream.part("status")), new RegExp(`version ${version}`));
  assert.deepEqual(stream.seen().includes("services"), false, "no Service changed");
  await world.app.recordReports([world.publisher.report(bookstoreReport({ version, time: now().toISOString() }))]);
  await stream.until(() => textOf(stream.latest("status")).includes("7 of 7 proxies settled"));
});

test("a store that goes away is told on the stream, and so is its return", { timeout }, async () => {
  const world = await makeBookstore();
  await using stream = openStream(
    await world.dashboard.events(request("/api/dashboard/local/events", { cluster: "local" })),
  );
  await stream.part("status");
  world.fail(new MeshError("unavailable", "Cosmos DB answered nothing"));
  await stream.until(() => stream.seen().includes("fault"));
  const { status, body } = await world.dashboard.cluster(request("/api/dashboard/local", { cluster: "local" }));
  assert.equal(status, 503);
  assert.match(textOf(bodyOf(body)), /The store does not answer Cosmos DB answered nothing/);
  world.fail(undefined);
  await stream.until(() => stream.seen().includes("well"));
});

test("a stream asks its reader to come again, and while nobody looks nothing is read", { timeout }, async () => {
  const world = await makeWorld(["local"], 100);
  const { body } = await world.dashboard.events(request("/api/dashboard/local/events", { cluster: "local" }));
  assert.ok(body instanceof ReadableStream);
  const text = await new Response(body).text();
  assert.match(text, /^retry: 1000\n\n/);
  assert.match(text, /event: renew\ndata: \{\}\n\n$/);
  let before = -1;
  while (before !== world.reads()) {
    before = world.reads();
    await delay(100); // ten times the interval: a watch that went on would have read
  }
});

test("a mesh of one cluster leads to it; of several, each is listed with its state", { timeout }, async () => {
  const one = await makeWorld();
  const answer = await one.dashboard.overview(request("/api/dashboard"));
  assert.deepEqual([answer.status, new Headers(answer.headers).get("location")], [302, "/api/dashboard/local"]);
  const two = await makeWorld(["east", "local"]);
  await two.app.ingestEvents(two.publisher.list([...bookstore(), mistakenTarget]));
  const version = await two.version();
  await two.app.recordReports([two.publisher.report(bookstoreReport({ version, time: now().toISOString() }))]);
  const { body } = await two.dashboard.overview(request("/api/dashboard"));
  assert.match(
    textOf(bodyOf(body)),
    /east nothing published no proxies none never never local 1 7 of 7 proxies settled 1 problem/,
  );
});

/** What happens in one millisecond has no order. */
async function nextMillisecond(): Promise<void> {
  for (const begun = Date.now(); Date.now() === begun; ) await new Promise((resolve) => setImmediate(resolve));
}

test("pins and their ends, and what was served without the cloud, stand on the page, the newest first", {
  timeout,
}, async () => {
  const world = await makeBookstore();
  assert.match((await clusterPage(world)).text, /Pins and local policy .* Nothing yet\./);
  const version = await world.version();
  await world.app.pins.freeze("local", { who: "ann", why: "a quiet weekend" });
  await nextMillisecond();
  await world.app.pins.release("local", "freeze", { who: "bob", why: "monday" });
  await putServedLocally(world.documents, "local", {
    root: "root-of-the-outage" as ContentHash,
    state: "its-state" as ContentHash,
    from: "2026-05-01T12:00:00.000Z",
    to: "2026-05-01T12:01:05.000Z",
  });
  const { text } = await clusterPage(world);
  assert.match(
    text,
    new RegExp(
      `${version} release .* monday by bob ${version} freeze .* a quiet weekend by ann served locally .* 65 s A gateway served what it had compiled itself, snapshot root-of-the-outage of the state its-state`,
    ),
  );
});

test("empty and unknown clusters say what to do next", { timeout }, async () => {
  const world = await makeWorld();
  const { text } = await clusterPage(world);
  assert.match(text, /Nothing has been compiled for this cluster yet\. The gateway sends a list/);
  assert.match(text, /No gateway has reported\./);
  const unknown = await clusterPage(world, "other");
  assert.equal(unknown.status, 404);
  assert.match(unknown.text, /No cluster named other has joined the mesh shop/);
  const events = await world.dashboard.events(request("/api/dashboard/other/events", { cluster: "other" }));
  assert.equal(events.status, 204);
  await world.app.ingestEvents(world.publisher.list([]));
  assert.match((await clusterPage(world)).text, /No workload is in the mesh\. Label a namespace/);
});

test("texts of others are escaped, wherever they stand", { timeout }, async () => {
  const world = await makeBookstore();
  const version = await world.version();
  const evil = `<img src=x onerror="alert(1)">`;
  const report = bookstoreReport({ version, time: now().toISOString(), refused: { "mysql-0": evil } });
  const problem = {
    code: "rejected-by-proxy",
    object: { group: "", kind: evil, namespace: evil, name: evil },
    message: evil,
  } as const;
  await world.app.recordReports([world.publisher.report({ ...report, problems: [problem] })]);
  const { body } = await world.dashboard.cluster(request("/api/dashboard/local", { cluster: "local" }));
  assert.ok(!bodyOf(body).includes("<img"));
  assert.ok(bodyOf(body).includes("&lt;img src=x onerror=&quot;alert(1)&quot;"));
});

interface OpenStream extends AsyncDisposable {
  /** The newest text of a part, once it came. */
  part(id: string): Promise<string>;
  latest(id: string): string;
  /** Names of events, and ids of parts, so far. */
  seen(): readonly string[];
  until(condition: () => boolean): Promise<void>;
}

/** Reads server-sent events as a browser would. */
function openStream({ status, body }: { readonly status?: number | undefined; readonly body?: unknown }): OpenStream {
  assert.equal(status, 200);
  assert.ok(body instanceof ReadableStream);
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const decoder = new TextDecoder();
  const parts = new Map<string, string>();
  const seen: string[] = [];
  let text = "";
  const next = async (): Promise<void> => {
    const { value, done } = await reader.read();
    assert.ok(!done, "the stream ended");
    text += decoder.decode(value, { stream: true });
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const [, name, data = "{}"] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
      if (name === undefined) continue;
      const { id, html } = JSON.parse(data) as { readonly id?: string; readonly html?: string };
      seen.push(id ?? name);
      if (id !== undefined) parts.set(id, html ?? "");
    }
  };
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await next();
  };
  return {
    until,
    seen: () => seen,
    latest: (id) => parts.get(id) ?? "",
    async part(id) {
      await until(() => parts.has(id));
      return parts.get(id) ?? "";
    },
    async [Symbol.asyncDispose]() {
      await reader.cancel();
    },
  };
}
