import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CosmosClient } from "@azure/cosmos";
import { type EventData, EventHubProducerClient } from "@azure/event-hubs";
import { type Cosmos, startCosmos } from "../../local/cosmos/start-cosmos.ts";
import { type EventHubs, startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { type FunctionsHost, startFunctionsHost } from "../../local/functions-host/start-functions-host.ts";
import type { Seen } from "../../local/functions-host/testdata/app.ts";
import { type BuiltApp, buildApp } from "../../local/functions-host/testdata/build-app.ts";
import { inputs, partitionOf, watchApp } from "../../local/functions-host/testdata/watch-app.ts";
import { lastingPort } from "../support/lasting-port.ts";

/** The Functions host on the stand-ins of Event Hubs and Cosmos DB, as `npm start` runs it. */

const timeout = 60_000;

let app: BuiltApp;
let cosmos: Cosmos;
before(async () => {
  app = await buildApp();
  cosmos = await startCosmos({
    databases: [
      {
        id: "weft",
        containers: [
          { id: "documents", partitionKey: "/id" },
          { id: "leases", partitionKey: "/id" },
        ],
      },
    ],
  });
});
after(async () => {
  await cosmos[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

interface Stage extends AsyncDisposable {
  readonly producer: EventHubProducerClient;
  readonly settings: Readonly<Record<string, string>>;
  start(options?: { dir?: string; stream?: boolean }): Promise<FunctionsHost>;
}

const hubDefinitions = [{ name: "events", partitionCount: 2, consumerGroups: ["$Default", "singles"] }];

/** A hub of its own for a test, and the settings of an app that reads it. */
async function setStage(): Promise<Stage> {
  const hubs = await startEventHubs({ hubs: hubDefinitions });
  const producer = new EventHubProducerClient(hubs.connectionString, "events");
  const settings = {
    HUB: hubs.connectionString,
    HUB_NAME: "events",
    STORE: cosmos.connectionString,
    SCHEDULE: "0 0 0 1 1 *",
  };
  return {
    producer,
    settings,
    start: ({ dir, stream = false } = {}) =>
      startFunctionsHost({
        app: app.bundle,
        settings: { ...settings, STREAM: String(stream) },
        ...(dir === undefined ? {} : { dir }),
      }),
    async [Symbol.asyncDispose]() {
      await producer.close();
      await hubs[Symbol.asyncDispose]();
    },
  };
}

/** Fits the single event of that number. */
function keyed(n: number): (seen: Seen) => boolean {
  return ({ functionName, input }) => functionName === "singles" && isNumbered(input, n);
}

/** Fits the page that has the document of that id. */
function sees(id: string): (seen: Seen) => boolean {
  return (seen) =>
    seen.functionName === "changes" &&
    inputs(seen).some((change) => typeof change === "object" && change !== null && "id" in change && change.id === id);
}

/** Milliseconds since the epoch, with fractions. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A body as these very bytes; the SDK would turn a string into JSON. */
function raw(text: string): EventData {
  return { body: Buffer.from(text) };
}

function folder(t: TestContext): string {
  return join(app.directory, t.name.replaceAll(/\W+/g, "-"));
}

test("batches are serial in a partition, and partitions do not wait for each other", { timeout }, async () => {
  await using stage = await setStage();
  using watch = watchApp();
  await using _host = await stage.start();
  const to0 = { partitionId: "0" };
  await stage.producer.sendBatch([{ body: { n: 1, holdUntil: "serial" } }], to0);
  await watch.until(({ functionName, phase }) => functionName === "batches" && phase === "begin");
  await stage.producer.sendBatch([{ body: { n: 2 } }, { body: { n: 3 } }], to0);
  await stage.producer.sendBatch([{ body: { n: 4 } }], { partitionId: "1" });
  await watch.until((seen) => seen.functionName === "batches" && seen.phase === "end" && partitionOf(seen) === "1");
  const begun = watch.seen.filter((seen) => seen.functionName === "batches" && seen.phase === "begin");
  assert.deepEqual(begun.map(partitionOf), ["0", "1"], "partition 0 is still at its first batch");
  watch.release("serial");
  const next = await watch.until((seen) => seen.functionName === "batches" && inputs(seen).length === 2);
  assert.deepEqual(next.input, [{ n: 2 }, { n: 3 }], "what came in meanwhile is one batch");
});

test("a failed batch is tried again as a whole, then left behind, and never comes back", { timeout }, async (t) => {
  await using stage = await setStage();
  using watch = watchApp();
  const dir = folder(t);
  const to0 = { partitionId: "0" };
  {
    await using _host = await stage.start({ dir });
    await stage.producer.sendBatch([{ body: { n: 1, failTimes: 1 } }], to0);
    const healed = await watch.until((seen) => seen.functionName === "batches" && seen.phase === "end");
    assert.equal(healed.retryCount, 1);
    await stage.producer.sendBatch([{ body: { n: 2, failTimes: 9 } }], to0);
    await watch.until((seen) => seen.functionName === "batches" && seen.retryCount === 2);
    await stage.producer.sendBatch([{ body: { n: 3, holdUntil: "stopping" } }], to0);
    await watch.until((seen) => seen.functionName === "batches" && inputs(seen).some((event) => isNumbered(event, 3)));
    watch.release("stopping");
    await stage.producer.sendBatch([{ body: { n: 4 } }], to0);
    await watch.until((seen) => inputs(seen).some((event) => isNumbered(event, 4)) && seen.phase === "end");
    await stage.producer.sendBatch([{ body: { n: 5, holdUntil: "stopping" } }], to0);
    await watch.until((seen) => seen.functionName === "batches" && inputs(seen).some((event) => isNumbered(event, 5)));
    watch.release("stopping");
  }
  const attempts = watch.seen.filter(
    (seen) => seen.functionName === "batches" && inputs(seen).some((event) => isNumbered(event, 2)),
  );
  assert.deepEqual(
    attempts.map(({ phase, retryCount }) => [phase, retryCount]),
    [
      ["begin", 0],
      ["begin", 1],
      ["begin", 2],
    ],
  );
  using later = watchApp();
  await stage.producer.sendBatch([{ body: { n: 6 } }], to0);
  await using _host = await stage.start({ dir });
  // The batch of event 5 comes again when it was still running at the stop.
  watch.release("stopping");
  await later.until((seen) => seen.functionName === "batches" && inputs(seen).some((event) => isNumbered(event, 6)));
  const again = later.seen.filter((seen) => seen.functionName === "batches").flatMap(inputs);
  assert.ok(!again.some((event) => isNumbered(event, 2)), "the poison event was checkpointed although it failed");
});

function isNumbered(event: unknown, n: number): boolean {
  return typeof event === "object" && event !== null && "n" in event && event.n === n;
}

test("the batch that ran when the host stopped is delivered again", { timeout }, async (t) => {
  await using stage = await setStage();
  using watch = watchApp();
  const dir = folder(t);
  const first = await stage.start({ dir });
  await stage.producer.sendBatch([{ body: { n: 1, holdUntil: "the stop" } }], { partitionId: "0" });
  await watch.until((seen) => seen.functionName === "batches");
  const stopped = first[Symbol.asyncDispose]();
  watch.release("the stop");
  await stopped;
  assert.ok(
    watch.seen.some((seen) => seen.functionName === "batches" && seen.phase === "end"),
    "it was let finish",
  );
  using later = watchApp();
  await using _host = await stage.start({ dir });
  await later.until((seen) => seen.functionName === "batches");
  watch.release("the stop");
  await later.until((seen) => seen.functionName === "batches" && seen.phase === "end");
});

test("a second host takes the partitions over, and the first stops reading them", { timeout }, async () => {
  await using stage = await setStage();
  using watch = watchApp();
  await using _first = await stage.start();
  await stage.producer.sendBatch([{ body: { n: 1 } }], { partitionId: "0" });
  await watch.until((seen) => seen.functionName === "batches" && seen.phase === "end");
  // Checkpoints in memory are each host's own, so the second begins at the start.
  await using _second = await stage.start();
  await watch.until((seen) => seen.functionName === "batches" && seen.phase === "end" && countOf(1) === 2);
  // Who read on would have the first of the two when the second has come.
  for (const n of [2, 3]) {
    await stage.producer.sendBatch([{ body: { n } }], { partitionId: "0" });
    await watch.until(() => countOf(n) > 0);
  }
  assert.equal(countOf(2), 1, "one host has it");

  function countOf(n: number): number {
    const ended = watch.seen.filter((seen) => seen.functionName === "batches" && seen.phase === "end");
    return ended.filter((seen) => inputs(seen).some((event) => isNumbered(event, n))).length;
  }
});

test("payloads are coerced and dropped as on the platform (azure.md §1.5, items 1 to 4)", { timeout }, async () => {
  await using stage = await setStage();
  using watch = watchApp();
  const bodies = ["42", "true", "12345678901234567890", "plain", ""].map(raw);
  await stage.producer.sendBatch([...bodies, { body: { Kind: "kept" }, properties: { Kind: "lowered" } }], {
    partitionId: "0",
  });
  await stage.producer.sendBatch([{ body: { n: 1 } }], { partitionKey: "42" });
  await stage.producer.sendBatch([{ body: { n: 2 } }], { partitionKey: "null" });
  await using _host = await stage.start();
  assert.equal((await watch.until(keyed(1))).metadata?.["partitionKey"], 42);
  assert.equal((await watch.until(keyed(2))).metadata?.["partitionKey"], null);

  const batch = await watch.until((seen) => seen.functionName === "batches" && inputs(seen).includes(42));
  assert.deepEqual(inputs(batch).slice(0, 5), [42, true, 12345678901234567000, "plain", { Kind: "kept" }]);
  const sequence = batch.metadata?.["sequenceNumberArray"];
  assert.ok(
    Array.isArray(sequence) && sequence.length === inputs(batch).length + 1,
    "the empty event is missing in the payload only",
  );
  const properties = batch.metadata?.["propertiesArray"];
  assert.deepEqual(Array.isArray(properties) ? properties[5] : undefined, { kind: "lowered" });
});

test("a broker that goes away and comes back is read on where the reader was", { timeout }, async (t) => {
  const dir = folder(t);
  const port = await lastingPort();
  await inBroker({ dir, port }, (hubs) => send(hubs.connectionString, 1));
  using watch = watchApp();
  const settings = {
    HUB: `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true`,
    HUB_NAME: "events",
    STORE: cosmos.connectionString,
    SCHEDULE: "0 0 0 1 1 *",
  };
  // The host is up before the broker is.
  await using _host = await startFunctionsHost({ app: app.bundle, settings });
  const handled = (n: number) =>
    watch.until(
      (seen) =>
        seen.functionName === "batches" && seen.phase === "end" && inputs(seen).some((event) => isNumbered(event, n)),
    );
  await inBroker({ dir, port }, () => handled(1));
  await inBroker({ dir, port }, async (hubs) => {
    await send(hubs.connectionString, 2);
    await handled(2);
  });
  assert.equal(watch.seen.filter((seen) => seen.functionName === "batches" && seen.phase === "begin").length, 2);
});

async function inBroker<T>(options: { dir: string; port: number }, work: (hubs: EventHubs) => Promise<T>): Promise<T> {
  await using hubs = await startEventHubs({ ...options, hubs: hubDefinitions });
  return await work(hubs);
}

async function send(connectionString: string, n: number): Promise<void> {
  const producer = new EventHubProducerClient(connectionString, "events");
  await producer.sendBatch([{ body: { n } }], { partitionId: "0" });
  await producer.close();
}

test("outputs go to hubs and containers", { timeout }, async () => {
  await using stage = await setStage();
  using watch = watchApp();
  await using host = await stage.start();
  assert.equal((await fetch(`${host.url}/api/emit?n=5`)).status, 202);
  const batch = await watch.until((seen) => seen.functionName === "batches");
  assert.deepEqual(batch.input, [{ n: 5 }, { n: 6 }]);
  await watch.until(sees("emitted-5"));
});

test("an event reaches its handler within milliseconds", { timeout }, async (t) => {
  await using stage = await setStage();
  using watch = watchApp();
  await using _host = await stage.start();
  const latencies: number[] = [];
  for (let n = 0; n < 100; n += 1) {
    const sent = now();
    await stage.producer.sendBatch([{ body: { n } }], { partitionId: "0" });
    const { at } = await watch.until(
      (seen) => seen.functionName === "batches" && inputs(seen).some((event) => isNumbered(event, n)),
    );
    latencies.push(performance.timeOrigin + at - sent);
  }
  latencies.sort((left, right) => left - right);
  t.diagnostic(`send to handler: p50 ${latencies[50]?.toFixed(1)} ms, p99 ${latencies[98]?.toFixed(1)} ms`);
});

test("changes of a container reach the function, a failed page is left behind, and a restart goes on", {
  timeout,
}, async () => {
  await using stage = await setStage();
  const client = new CosmosClient({
    endpoint: cosmos.endpoint,
    key: cosmos.key,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const { items } = client.database("weft").container("documents");
  {
    using watch = watchApp();
    await items.upsert({ id: "before" });
    await using _host = await stage.start();
    await watch.until(sees("before"));
    await items.upsert({ id: "poison", failTimes: 9 });
    await watch.until(sees("poison"));
    await items.upsert({ id: "next" });
    await watch.until(sees("next"));
    await items.upsert({ id: "last" });
    await watch.until((seen) => sees("last")(seen) && seen.phase === "end");
    assert.equal(watch.seen.filter(sees("poison")).length, 1, "no retries are declared");
  }
  using later = watchApp();
  await items.upsert({ id: "after" });
  await using _host = await stage.start();
  await later.until(sees("after"));
  assert.equal(later.seen.filter(sees("before")).length, 0);
  assert.equal(later.seen.filter(sees("poison")).length, 0);
  client.dispose();
});

test("a timer with runOnStartup fires at the start, its argument in camel case", { timeout }, async () => {
  await using stage = await setStage();
  using watch = watchApp();
  await using _host = await stage.start();
  const { input } = await watch.until((seen) => seen.functionName === "clock");
  assert.deepEqual(input, { schedule: { adjustForDST: true }, scheduleStatus: null, isPastDue: false });
});

for (const stream of [false, true]) {
  test(`HTTP functions answer, ${stream ? "streamed through the app" : "buffered"}`, { timeout }, async () => {
    await using stage = await setStage();
    await using host = await stage.start({ stream });
    const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${host.url}${path}`, init);
    const echo = await get("/api/Echo/a%20b/c/d?x=1", { method: "POST", body: "hello" });
    assert.equal(echo.status, 201);
    assert.equal(echo.headers.get("x-method"), "POST");
    assert.equal(echo.headers.get("set-cookie"), "seen=1; Path=/");
    assert.deepEqual(await echo.json(), { params: { name: "a b", rest: "c/d" }, query: { x: "1" }, text: "hello" });

    const statuses = {
      "/api/nothing": 204,
      "/api/broken": 500,
      "/api/secret": 401,
      "/api/nowhere": 404,
      "/api/echo/a": 200,
    };
    for (const [path, status] of Object.entries(statuses)) {
      const expected = path === "/api/echo/a" ? 201 : status;
      assert.equal((await get(path)).status, expected, path);
    }
    assert.equal((await get("/api/echo/a", { method: "DELETE" })).status, 404);
    assert.equal(await (await get(`/api/secret?code=${host.key}`)).text(), "open");
    assert.match(await (await get("/api/late")).text(), /A function can only be registered during app startup/);
    const status: unknown = await (await get("/admin/host/status")).json();
    assert.deepEqual(status, { state: "Running", functions: host.functions });
  });
}

test("server-sent events arrive one by one, and a stop cuts a stream that is open", { timeout }, async () => {
  await using stage = await setStage();
  using watch = watchApp();
  const host = await stage.start({ stream: true });
  const response = await fetch(`${host.url}/api/stream?until=second`);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader?.read())?.value, "data: first\n\n");
  watch.release("second");
  assert.equal((await reader?.read())?.value, "data: second\n\n");
  assert.equal((await reader?.read())?.done, true);

  const open = await fetch(`${host.url}/api/stream?until=the%20end`);
  const openReader = open.body?.getReader();
  await openReader?.read();
  const stopped = host[Symbol.asyncDispose]();
  await assert.rejects(async () => {
    while ((await openReader?.read())?.done === false);
  });
  watch.release("the end");
  await stopped;
});

test("a missing setting ends the start with one line", { timeout }, async () => {
  const start = startFunctionsHost({ app: app.bundle, settings: { HUB_NAME: "events", SCHEDULE: "0 * * * * *" } });
  await assert.rejects(start, {
    code: "setting-missing",
    message: "The setting HUB (or HUB__fullyQualifiedNamespace) is missing.",
  });
});

const main = fileURLToPath(new URL("../../local/functions-host/main.ts", import.meta.url));

function run(args: readonly string[], settings: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function readAll(stream: ChildProcess["stdout"]): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

test("a stop does not wait for a stream whose client has left", { timeout }, async () => {
  await using stage = await setStage();
  const host = await stage.start({ stream: true });
  const client = new AbortController();
  const answer = await fetch(`${host.url}/api/stream?until=never`, { signal: client.signal });
  const reader = answer.body?.getReader();
  await reader?.read();
  client.abort();
  await reader?.read().catch(() => undefined);
  const began = performance.now();
  await host[Symbol.asyncDispose]();
  assert.ok(performance.now() - began < 5_000);
});

test("the program says in one line of JSON where it is, and ends cleanly on SIGTERM", { timeout }, async () => {
  await using stage = await setStage();
  const child = run(["--app", app.bundle, "--output", "json"], stage.settings);
  const exited = once(child, "exit");
  child.stderr?.resume();
  const lines: string[] = [];
  for await (const chunk of child.stdout ?? []) {
    lines.push(String(chunk));
    const line: unknown = JSON.parse(lines.join(""));
    assert.ok(typeof line === "object" && line !== null && "address" in line && "pid" in line && "part" in line);
    assert.deepEqual([line.part, line.pid], ["functions-host", child.pid]);
    const status = await fetch(`${String(line.address)}/admin/host/status`);
    assert.equal(status.status, 200);
    child.kill("SIGTERM");
  }
  assert.deepEqual(await exited, [0, null]);
  assert.equal(lines.join("").trimEnd().split("\n").length, 1);
});

test("the program ends with one line and code 1 for a bad flag or a missing app", { timeout }, async () => {
  for (const args of [
    ["--port", "x"],
    ["--app", "/nowhere"],
  ]) {
    const child = run(args, {});
    const exited = once(child, "exit");
    const errors = await readAll(child.stderr);
    assert.deepEqual(await exited, [1, null]);
    assert.equal(errors.trimEnd().split("\n").length, 1, errors);
  }
});
