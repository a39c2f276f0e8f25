/** Under constant load: weights flip and pods are replaced, and no request fails. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { LoadCommand, LoadTally } from "../support/data-path/apps/commands.ts";
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
import { type RunningLoad, type TestPod, untilAnswered } from "../support/data-path/test-pod.ts";
import { eventually } from "../support/eventually.ts";

const options = { skip, timeout: 300_000 };

const ports = [
  { name: "http-web", port: 80, targetPort: 8080 },
  { name: "tcp-echo", port: 9000 },
  { name: "tcp-server-first-greeting", port: 9001 },
];
const versions = ["store-v1", "store-v2"];

/** A pod of a version; the application serves on until its endpoint is known to be gone, as applications in Kubernetes do. */
const storePod = (version: string, number: number): TestObject =>
  pod(`shop/${version}-${number}`, {
    account: version,
    labels: { app: version, tier: "store" },
    listen: { 8080: "http", 9000: "echo", 9001: "greeting" },
    lingerMs: drainSeconds * 1000 + 1000,
  });
const split = (v1: number): TestObject =>
  trafficSplit("shop/store", { root: "store", backends: { "store-v1": v1, "store-v2": 100 - v1 } });

let mesh: TestMesh;
let client: TestPod;

before(async () => {
  if (skip !== false) return;
  mesh = await startTestMesh();
  const grant = (to: string): TestObject =>
    trafficTarget(`shop/client-to-${to}`, {
      to,
      from: ["shop/client"],
      rules: [
        { kind: "HTTPRouteGroup", name: "routes", matches: ["everything"] },
        { kind: "TCPRoute", name: "ports" },
      ],
    });
  await mesh.apply([
    namespace(meshConfigNamespace, { meshed: false }),
    meshConfig({}),
    namespace("shop"),
    ...[...versions, "client"].map((name) => account(`shop/${name}`)),
    service("shop/store", { selector: { tier: "store" }, ports }),
    ...versions.map((name) => service(`shop/${name}`, { selector: { app: name }, ports })),
    routeGroup("shop/routes", [{ name: "everything" }]),
    tcpRoute("shop/ports", [8080, 9000, 9001]),
    ...versions.map(grant),
    split(50),
    ...versions.map((version) => storePod(version, 0)),
    pod("shop/client", { account: "client" }),
  ]);
  client = await mesh.pod("shop/client");
});
after(() => mesh?.[Symbol.asyncDispose]());

/** Requests on kept and on new connections, and connections of both kinds of TCP, all at the same time. */
async function startLoads(): Promise<readonly RunningLoad[]> {
  const url = "http://store.shop.svc.cluster.local/";
  const host = "store.shop.svc.cluster.local";
  const kinds: readonly Omit<LoadCommand, "pauseMs">[] = [
    { name: "kept", request: { kind: "http", url, keepAlive: true }, workers: 3 },
    { name: "new", request: { kind: "http", url }, workers: 1 },
    { name: "slow", request: { kind: "http", url: `${url}slow/300`, keepAlive: true }, workers: 2 },
    { name: "echo", request: { kind: "tcp", host, port: 9000, send: "hello" }, workers: 1 },
    { name: "greeting", request: { kind: "tcp", host, port: 9001 }, workers: 1 },
  ];
  const servers = versions.map((version) => `${version}-0`);
  for (const { name, request } of kinds) if (name !== "slow") await untilAnswered(client, request, servers);
  return Promise.all(kinds.map((kind) => client.startLoad({ ...kind, pauseMs: 10 })));
}

/** Fewer requests of a kind say nothing. */
const least = 20;

async function stopLoads(loads: readonly RunningLoad[]): Promise<readonly LoadTally[]> {
  for (const load of loads) await eventually("enough requests", async () => (await load.look()).total >= least);
  const tallies = await Promise.all(loads.map((load) => load.stop()));
  for (const { failed, failures, total } of tallies)
    assert.equal(failed, 0, `${failed} of ${total}: ${failures.join("\n")}`);
  return tallies;
}

const servers = (tallies: readonly LoadTally[]): readonly string[] =>
  [...new Set(tallies.flatMap(({ byServer }) => Object.keys(byServer)))].sort();

test("weights flip again and again, and no request fails", options, async () => {
  const loads = await startLoads();
  for (let round = 0; round < 8; round += 1) {
    for (const weight of [100, 0, 30]) await mesh.apply([split(weight)]);
  }
  assert.deepEqual(servers(await stopLoads(loads)), ["store-v1-0", "store-v2-0"]);
});

test("pods are replaced one by one, and no request fails", options, async () => {
  await mesh.apply([split(50)]);
  const loads = await startLoads();
  for (let number = 0; number < 2; number += 1) {
    for (const version of versions) {
      await mesh.apply([storePod(version, number + 1)]);
      await mesh.remove([storePod(version, number)]);
    }
  }
  const expected = versions.flatMap((version) => [0, 1, 2].map((number) => `${version}-${number}`));
  assert.deepEqual(servers(await stopLoads(loads)), expected);
});
