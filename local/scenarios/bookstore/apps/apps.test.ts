import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { lastingPort } from "../../../../test/support/lasting-port.ts";
import { startBookbuyer } from "./bookbuyer.ts";
import { startBookstore } from "./bookstore.ts";
import { startBookwarehouse } from "./bookwarehouse.ts";
import { createCaller } from "./caller.ts";
import type { AppCounters } from "./counters.ts";
import { greeting, startMysql } from "./mysql.ts";

const limit = { timeout: 30_000 };
const timeoutMs = 5_000;

function local(port: number | undefined): URL {
  return new URL(`http://127.0.0.1:${port}`);
}

async function rawOf({ rawPort }: { readonly rawPort: number }): Promise<AppCounters> {
  const response = await fetch(new URL("/raw", local(rawPort)));
  return (await response.json()) as AppCounters;
}

/** The first counters of an app that fit. */
async function whenCounters(
  app: { readonly rawPort: number },
  fits: (counters: AppCounters) => boolean,
): Promise<AppCounters> {
  for (;;) {
    const counters = await rawOf(app);
    if (fits(counters)) return counters;
    await pause(10);
  }
}

function startBuyer(bookstore: URL): ReturnType<typeof startBookbuyer> {
  return startBookbuyer({ app: "bookbuyer", bookstore, rawPort: 0, roundsPerSecond: 100, timeoutMs });
}

void test("a purchase goes from the buyer over store and warehouse to the database", limit, async () => {
  await using mysql = await startMysql({ port: 0, rawPort: 0 });
  await using warehouse = await startBookwarehouse({
    port: 0,
    rawPort: 0,
    database: { host: "127.0.0.1", port: mysql.port ?? 0 },
    timeoutMs,
  });
  await using store = await startBookstore({
    identity: "bookstore-v2",
    port: 0,
    rawPort: 0,
    bookwarehouse: local(warehouse.port),
    timeoutMs,
  });
  await using buyer = await startBuyer(local(store.port));

  const bought = await whenCounters(buyer, ({ books }) => books >= 5);
  assert.deepEqual(bought.denied, {});
  assert.equal(bought.succeeded["bookstore-v2"], bought.attempts);
  assert.ok(bought.attempts >= bought.books * 2, "every round asks twice");

  const sold = await whenCounters(store, ({ succeeded }) => (succeeded["bookwarehouse"] ?? 0) >= 5);
  assert.ok(sold.served >= sold.books * 2);
  await whenCounters(warehouse, ({ succeeded }) => (succeeded["mysql"] ?? 0) >= 1);
  await whenCounters(mysql, ({ books }) => books >= 5);
});

void test(
  "a buyer counts what came instead of an answer, by kind, and an answer without identity by status",
  limit,
  async () => {
    const answers = createServer((_request, response) => response.writeHead(200).end());
    answers.listen(0, "127.0.0.1");
    await once(answers, "listening");
    using _answers = { [Symbol.dispose]: () => answers.close().closeAllConnections() };
    await using anonymous = await startBuyer(local((answers.address() as AddressInfo).port));
    await whenCounters(anonymous, ({ denied }) => (denied["200"] ?? 0) >= 2);

    const closes = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.destroy());
    });
    closes.listen(0, "127.0.0.1");
    await once(closes, "listening");
    const { port } = closes.address() as AddressInfo;
    {
      await using cut = await startBuyer(local(port));
      const counters = await whenCounters(cut, ({ denied }) => (denied["closed"] ?? 0) >= 4);
      assert.equal(counters.denied["closed"], counters.attempts);
    }
    closes.close();
    await once(closes, "close");
    await using nobody = await startBuyer(local(port));
    await whenCounters(nobody, ({ denied }) => (denied["refused"] ?? 0) >= 2);
  },
);

void test(
  "a GET survives a kept connection that was closed while idle; a timeout ends one that is never answered",
  limit,
  async () => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests += 1;
      response.end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    using _server = { [Symbol.dispose]: () => server.close().closeAllConnections() };
    using caller = createCaller({ connections: 1, timeoutMs });
    const url = local((server.address() as AddressInfo).port);
    assert.deepEqual(await caller.get(url), { kind: "answered", status: 200, identity: undefined });
    // The client has not read the end of the connection when it sends the second request on it.
    server.closeAllConnections();
    assert.deepEqual(await caller.get(url), { kind: "answered", status: 200, identity: undefined });
    assert.equal(requests, 2);

    const silent = createTcpServer(() => {});
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    using hasty = createCaller({ connections: 1, timeoutMs: 50 });
    const late = await hasty.get(local((silent.address() as AddressInfo).port));
    assert.deepEqual(late, { kind: "failed", failure: "timeout" });
    silent.close();
  },
);

void test("a bookstore answers probes without counting them, and nothing but its two pages", limit, async () => {
  await using store = await startBookstore({
    identity: "bookstore-v1",
    port: 0,
    rawPort: 0,
    bookwarehouse: new URL("http://127.0.0.1:1"),
    timeoutMs,
  });
  for (const path of ["/liveness", "/readiness", "/startup"])
    assert.equal((await fetch(new URL(path, local(store.port)))).status, 200);
  assert.equal((await rawOf(store)).served, 0);
  assert.equal((await fetch(new URL("/other", local(store.port)))).status, 404);
  const response = await fetch(new URL("/books-bought", local(store.port)));
  assert.equal(response.headers.get("identity"), "bookstore-v1");
  assert.equal(response.headers.get("booksbought"), "0");
  const { served, books } = await rawOf(store);
  assert.deepEqual({ served, books }, { served: 2, books: 0 });
});

void test("the warehouse keeps what it could not write until the database is there", limit, async () => {
  const database = { host: "127.0.0.1", port: await lastingPort() };
  const first = await startMysql({ port: database.port, rawPort: 0 });
  await using warehouse = await startBookwarehouse({ port: 0, rawPort: 0, database, timeoutMs });
  const order = (body: string): Promise<Response> =>
    fetch(new URL("/restock-books", local(warehouse.port)), { method: "POST", body });
  await order("2");
  await whenCounters(first, ({ books }) => books === 2);
  await first[Symbol.asyncDispose]();
  await order("3");
  await whenCounters(warehouse, ({ denied }) => Object.keys(denied).length > 0);
  await order("4");
  await using second = await startMysql({ port: database.port, rawPort: 0 });
  // The order that met the end of the connection may have been lost with it, the next one is not.
  await whenCounters(second, ({ books }) => books >= 4);
  assert.equal((await order("many")).status, 400);
  assert.equal((await rawOf(warehouse)).books, 9);
});

void test("the database speaks first and answers a line with a line", limit, async () => {
  await using mysql = await startMysql({ port: 0, rawPort: 0 });
  const socket = connect(mysql.port ?? 0, "127.0.0.1");
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, greeting);
  for (const [command, expected] of [
    ["TOTAL", "0"],
    ["ADD 12", "12"],
    ["ADD 1", "13"],
    ["DROP", "ERROR not a command: DROP"],
  ]) {
    socket.write(`${command}\n`);
    assert.equal((await lines.next()).value, expected);
  }
  socket.destroy();
  assert.equal((await rawOf(mysql)).served, 3);
});

void test("the database and the warehouse outlive connections that are reset", limit, async () => {
  await using mysql = await startMysql({ port: 0, rawPort: 0 });
  let resets = 0;
  const rude = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.write(`${greeting}\n`);
    // Once in answer to the first write, later while nothing is asked.
    socket.once("data", () => {
      resets += 1;
      if (resets > 1) socket.write("1\n", () => socket.resetAndDestroy());
      else socket.resetAndDestroy();
    });
  });
  rude.listen(0, "127.0.0.1");
  await once(rude, "listening");
  const database = { host: "127.0.0.1", port: (rude.address() as AddressInfo).port };
  await using warehouse = await startBookwarehouse({ port: 0, rawPort: 0, database, timeoutMs });
  for (const least of [1, 2, 3]) {
    await fetch(new URL("/restock-books", local(warehouse.port)), { method: "POST", body: "1" });
    await whenCounters(warehouse, ({ attempts }) => attempts >= least);
  }
  rude.close();

  const probe = connect(mysql.port ?? 0, "127.0.0.1");
  await once(probe, "data");
  const closed = once(probe, "close");
  probe.resetAndDestroy();
  await closed;
  const socket = connect(mysql.port ?? 0, "127.0.0.1");
  await once(socket, "data");
  socket.destroy();
});
