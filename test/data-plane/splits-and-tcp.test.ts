/** Where requests and connections go: weights, matches, TCP that the client or the server begins, headless Services. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { binomialInterval } from "../../local/demo/binomial.ts";
import type { TcpCommand, TcpResult } from "../support/data-path/apps/commands.ts";
import { skip } from "../support/data-path/machine.ts";
import {
  account,
  meshConfig,
  meshConfigNamespace,
  namespace,
  pod,
  routeGroup,
  service,
  type TestObject,
  tcpRoute,
  trafficSplit,
  trafficTarget,
} from "../support/data-path/objects.ts";
import { drainSeconds, startTestMesh, type TestMesh } from "../support/data-path/test-mesh.ts";
import { answerOf, counted, type HeldConnection, type TestPod } from "../support/data-path/test-pod.ts";
import { eventually } from "../support/eventually.ts";

const options = { skip, timeout: 300_000 };
const trials = 700;
/** Seven shares are judged in a run: chance alone fails one in ten thousand runs. */
const confidence = 0.999_99;

const ports = [
  { name: "http-web", port: 80, targetPort: 8080 },
  { name: "tcp-echo", port: 9000 },
  { name: "tcp-server-first-greeting", port: 9001 },
];
const listen = { 8080: "http", 9000: "echo", 9001: "greeting" } as const;

const routes = [routeGroup("shop/routes", [{ name: "everything" }]), tcpRoute("shop/tcp", [9000, 9001])];
/** Everything that `to` serves, for the client. */
const grant = (to: string): TestObject =>
  trafficTarget(`shop/client-to-${to}`, {
    to,
    from: ["shop/client"],
    rules: [
      { kind: "HTTPRouteGroup", name: "routes", matches: ["everything"] },
      { kind: "TCPRoute", name: "http-and-tcp" },
    ],
  });
const grants = [tcpRoute("shop/http-and-tcp", [8080, 9000, 9001]), grant("store-v1"), grant("store-v2")];
const split = (v1: number, v2: number, groups?: readonly string[]): TestObject =>
  trafficSplit("shop/store", {
    root: "store",
    backends: { "store-v1": v1, "store-v2": v2 },
    ...(groups && { groups }),
  });

const versions = ["store-v1", "store-v2"];

let mesh: TestMesh;
let client: TestPod;
let denied: TestPod;

before(async () => {
  if (skip !== false) return;
  mesh = await startTestMesh();
  const backend = (name: string): TestObject => service(`shop/${name}`, { selector: { app: name }, ports });
  await mesh.apply([
    namespace(meshConfigNamespace, { meshed: false }),
    meshConfig({}),
    namespace("shop"),
    ...["shop/store-v1", "shop/store-v2", "shop/client", "shop/denied"].map(account),
    service("shop/store", { selector: { tier: "store" }, ports }),
    backend("store-v1"),
    backend("store-v2"),
    service("shop/db", { selector: { tier: "store" }, ports: ports.slice(1), headless: true }),
    ...routes,
    ...versions.map((name) =>
      pod(`shop/${name}`, { account: name, labels: { app: name, tier: "store" }, listen, subdomain: "db" }),
    ),
    pod("shop/client", { account: "client" }),
    pod("shop/denied", { account: "denied" }),
  ]);
  [client, denied] = await Promise.all([mesh.pod("shop/client"), mesh.pod("shop/denied")]);
});
after(() => mesh?.[Symbol.asyncDispose]());

/** How often each server answered `GET /`; a status other than 200 stands for itself. */
async function requests(path = "/", headers: Readonly<Record<string, string>> = {}): Promise<Counts> {
  const url = `http://store.shop${path}`;
  const results = await client.http({ url, headers, count: trials, concurrency: 8, keepAlive: true });
  return counted(results.map((result) => (result.status === 200 ? answerOf(result).name : result.status)));
}

/** How often each server spoke; an end without a word stands for itself. */
async function connections(command: Partial<TcpCommand> & Pick<TcpCommand, "port">): Promise<Counts> {
  const results = await client.tcp({ host: "store.shop", count: trials, concurrency: 8, ...command });
  return counted(results.map(speaker));
}

const echo = { port: 9000, send: "hello" };
const greeting = { port: 9001 };

type Counts = Readonly<Record<string, number>>;

function speaker({ received, end }: TcpResult): string {
  return /store-v\d/.exec(received)?.[0] ?? `${end} ${received}`;
}

function assertShare(counts: Counts, name: string, probability: number): void {
  const { least, most } = binomialInterval(trials, probability, confidence);
  const share = counts[name] ?? 0;
  assert.ok(share >= least && share <= most, `${name}: ${share} not in ${least}–${most}: ${JSON.stringify(counts)}`);
}

test("100/0, 50/50, 0/100: requests, connections and connections that the server begins", options, async () => {
  await mesh.apply(grants);
  for (const [v1, v2] of [
    [100, 0],
    [50, 50],
    [0, 100],
  ] as const) {
    await mesh.apply([split(v1, v2)]);
    for (const counts of [await requests(), await connections(echo), await connections(greeting)]) {
      const names = Object.keys(counts).sort();
      assert.deepEqual(
        names,
        [...(v1 > 0 ? ["store-v1"] : []), ...(v2 > 0 ? ["store-v2"] : [])],
        JSON.stringify(counts),
      );
      assertShare(counts, "store-v1", v1 / 100);
    }
  }
  await mesh.remove([split(0, 100)]);
  assertShare(await requests(), "store-v1", 0.5);
});

test("with matches only what fits is divided; the rest, and TCP, go to the root Service", options, async () => {
  const group = routeGroup("shop/canary", [
    { name: "header", headers: { "x-canary": "yes" } },
    { name: "path", pathRegex: "/canary/.*", methods: ["GET"] },
  ]);
  await mesh.apply([...grants, group, split(0, 100, ["canary"])]);
  assert.deepEqual(await requests("/", { "x-canary": "yes" }), { "store-v2": trials });
  assert.deepEqual(await requests("/canary/7?x=1"), { "store-v2": trials });
  for (const counts of [await requests("/"), await requests("/", { "x-canary": "no" }), await connections(echo)]) {
    assert.deepEqual(Object.keys(counts).sort(), ["store-v1", "store-v2"]);
  }
  await mesh.remove([split(0, 100, ["canary"]), group]);
});

test("all weights zero: 503, and connections are closed without a word", options, async () => {
  await mesh.apply([...grants, split(0, 0)]);
  assert.deepEqual(await requests(), { 503: trials });
  for (const command of [echo, greeting]) {
    const counts = await connections(command);
    assert.equal((counts["closed "] ?? 0) + (counts["ECONNRESET "] ?? 0), trials, JSON.stringify(counts));
  }
  await mesh.remove([split(0, 0)]);
});

test("a split allows nothing: the share of a backend that was not granted is refused", options, async () => {
  await mesh.apply([...grants, split(50, 50)]);
  await mesh.remove([grant("store-v2")]);
  const counts = await requests();
  assert.deepEqual(Object.keys(counts).sort(), ["503", "store-v1"], JSON.stringify(counts));
  assertShare(counts, "store-v1", 0.5);
  for (const command of [echo, greeting]) {
    const connected = await connections(command);
    assert.equal(connected["store-v2"], undefined);
    assertShare(connected, "store-v1", 0.5);
  }
  await mesh.remove([split(50, 50)]);
});

test("a root without pods of its own leads to its backends", options, async () => {
  const objects = [
    service("shop/apex", { selector: { app: "nobody" }, ports }),
    trafficSplit("shop/apex", { root: "apex", backends: { "store-v1": 1 } }),
  ];
  await mesh.apply([...grants, ...objects]);
  const [result] = await client.http({ url: "http://apex.shop/" });
  assert.equal(answerOf(result).name, "store-v1");
  assert.equal((await connections({ ...greeting, host: "apex.shop" }))["store-v1"], trials);
  await mesh.remove(objects);
});

test("a server speaks first: at once to who may hear it, and never to anybody else", options, async () => {
  await mesh.apply(grants);
  const heard = await client.tcp({ host: "store-v1.shop", port: 9001, count: 20, expectBytes: 23 });
  assert.deepEqual(counted(heard.map(({ received }) => received)), { "greeting from store-v1\n": 20 });
  const times = heard.map(({ firstByteMs = Number.POSITIVE_INFINITY }) => firstByteMs).sort((a, b) => a - b);
  assert.ok((times[10] ?? 0) < 500, `nobody waits for the client to speak: ${times.map(Math.round).join(" ")}`);

  for (const host of ["store-v1.shop", "store-v1.db.shop", "store.shop"]) {
    const overheard = await denied.tcp({ host, port: 9001, count: 50, concurrency: 25 });
    assert.deepEqual(
      overheard.filter(({ received }) => /greeting|store/.test(received)),
      [],
      `${host} says nothing to the denied`,
    );
  }
});

test("TCPRoutes open target ports, one by one", options, async () => {
  await mesh.remove([grant("store-v1"), grant("store-v2")]);
  const target = trafficTarget("shop/tcp-only", {
    to: "store-v1",
    from: ["shop/client"],
    rules: [{ kind: "TCPRoute", name: "tcp" }],
  });
  const ask = async (command: typeof echo | typeof greeting): Promise<string> =>
    (await client.tcp({ host: "store-v1.shop", count: 5, concurrency: 5, ...command }))
      // Silent connections to what is not granted are ended with an HTTP 408.
      .map(({ received }) => (received.startsWith("HTTP/1.1 408") ? "" : received.trim()))
      .filter((text, index, all) => all.indexOf(text) === index)
      .join(",");
  await mesh.apply([tcpRoute("shop/tcp", [9000]), target]);
  assert.deepEqual([await ask(echo), await ask(greeting)], ["store-v1: hello", ""]);
  await mesh.apply([tcpRoute("shop/tcp", [9001])]);
  assert.deepEqual([await ask(echo), await ask(greeting)], ["", "greeting from store-v1"]);
  await mesh.apply([tcpRoute("shop/tcp", [9000, 9001])]);
  assert.deepEqual([await ask(echo), await ask(greeting)], ["store-v1: hello", "greeting from store-v1"]);
  assert.equal((await client.http({ url: "http://store-v1.shop/" }))[0]?.status, 403, "no request by a TCPRoute alone");
  await mesh.remove([target]);
  assert.deepEqual([await ask(echo), await ask(greeting)], ["", ""]);
});

test("headless: each pod by its own name and address, both protocols", options, async () => {
  await mesh.apply(grants);
  const pods = await Promise.all(versions.map((name) => mesh.pod(`shop/${name}`)));
  await eventually("the name has both pods", async () => {
    return (
      (await client.lookup("db.shop")).join() ===
      pods
        .map(({ address }) => address)
        .sort()
        .join()
    );
  });
  for (const [index, { address }] of pods.entries()) {
    const name = `store-v${index + 1}`;
    for (const host of [`${name}.db.shop`, address]) {
      for (const command of [echo, greeting]) {
        const results = await client.tcp({ host, ...command, count: 10 });
        assert.deepEqual(counted(results.map(speaker)), { [name]: 10 }, `${host}:${command.port}`);
      }
    }
    const [refused] = await denied.tcp({ host: address, ...greeting });
    assert.equal(refused?.received, "");
  }
  await mesh.remove([grant("store-v2")]);
  assert.equal((await client.tcp({ host: "store-v1.db.shop", ...greeting })).map(speaker)[0], "store-v1");
  assert.equal((await client.tcp({ host: "store-v2.db.shop", ...greeting }))[0]?.received, "");
});

/** A connection that ends does so with the drain time, if nothing is late; it is not waited for any longer than it stays. Milliseconds. */
const endLimit = drainSeconds * 1000 + 10_000;
/** The others are looked at for so long when it has ended, as theirs would be over then, too. Milliseconds. */
const afterwards = 1000;

test("a connection that is no longer allowed ends with the drain time; others stay", options, async () => {
  await mesh.apply(grants);
  const hold = (version: string, port: number): Promise<HeldConnection> =>
    client.hold({ name: `${version}:${port}`, host: `${version}.shop`, port, ...(port === echo.port && echo) });
  const [revoked, kept] = await Promise.all(
    versions.map((version) => Promise.all([echo, greeting].map(({ port }) => hold(version, port)))),
  );
  await mesh.remove([grant("store-v1")]);
  const stays = (held: readonly HeldConnection[] = [], timeMs: number): Promise<readonly boolean[]> =>
    Promise.all(held.map((connection) => connection.staysOpen(timeMs)));
  assert.deepEqual(await stays(revoked, endLimit), [false, false]);
  assert.deepEqual(await stays(kept, afterwards), [true, true]);
});

test(
  "a port that a rule gives no more: its connections end with the drain time, those of other ports stay; another client ends nobody's",
  options,
  async () => {
    await mesh.remove([grant("store-v1"), grant("store-v2")]);
    const target = (...from: readonly string[]): TestObject =>
      trafficTarget("shop/tcp-only", { to: "store-v1", from, rules: [{ kind: "TCPRoute", name: "tcp" }] });
    const route = (...given: readonly number[]): TestObject => tcpRoute("shop/tcp", given);
    let count = 0;
    const hold = ({ port }: { readonly port: number }): Promise<HeldConnection> =>
      client.hold({ name: `port-${count++}`, host: "store-v1.shop", port, ...(port === echo.port && echo) });
    const stay = (held: readonly HeldConnection[], timeMs: number): Promise<readonly boolean[]> =>
      Promise.all(held.map((connection) => connection.staysOpen(timeMs)));

    await mesh.apply([route(9000, 9001), target("shop/client")]);
    const first = [await hold(echo), await hold(greeting)];
    await mesh.apply([target("shop/client", "shop/denied")]);
    assert.deepEqual(await stay(first, (drainSeconds + 3) * 1000), [true, true], "another client");
    await mesh.apply([route(9001)]);
    assert.deepEqual(await stay(first.slice(0, 1), endLimit), [false], "the port 9000 is not given any more");
    assert.deepEqual(await stay(first.slice(1), afterwards), [true], "the port 9001 is");
    await mesh.apply([route(9000, 9001)]);
    const second = [await hold(echo), await hold(greeting)];
    await mesh.apply([route(9000)]);
    assert.deepEqual(await stay(second.slice(1), endLimit), [false], "the port 9001 is not given any more");
    assert.deepEqual(await stay(second.slice(0, 1), afterwards), [true], "the port 9000 is");
    await mesh.remove([target("shop/client", "shop/denied")]);
  },
);
