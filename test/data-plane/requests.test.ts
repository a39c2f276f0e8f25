/** Which requests pass, judged by real Envoys: pairs, methods, paths, headers, modes, protocols over HTTP. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { skip } from "../support/data-path/machine.ts";
import {
  account,
  meshConfig,
  meshConfigNamespace,
  namespace,
  pod,
  routeGroup,
  service,
  trafficTarget,
} from "../support/data-path/objects.ts";
import { startTestMesh, type TestMesh } from "../support/data-path/test-mesh.ts";
import { answerOf, counted, type TestPod } from "../support/data-path/test-pod.ts";

const options = { skip, timeout: 120_000 };

let mesh: TestMesh;
let alice: TestPod;
let bob: TestPod;

const accounts = ["shop/server", "shop/alice", "shop/bob"];

before(async () => {
  if (skip !== false) return;
  mesh = await startTestMesh();
  await mesh.apply([
    namespace(meshConfigNamespace, { meshed: false }),
    meshConfig({}),
    namespace("shop"),
    ...accounts.map(account),
    service("shop/server", {
      selector: { app: "server" },
      ports: [
        { name: "http-web", port: 80, targetPort: 8080 },
        { name: "http-admin", port: 81, targetPort: 8081 },
        { name: "grpc-echo", port: 9002 },
      ],
    }),
    namespace("plain", { meshed: false }),
    service("plain/outside", {
      selector: { app: "outside" },
      ports: [{ name: "http-web", port: 80, targetPort: 8080 }],
    }),
    pod("shop/server", { account: "server", listen: { 8080: "http", 8081: "http", 9002: "grpc" } }),
    pod("shop/alice", { account: "alice" }),
    pod("shop/bob", { account: "bob" }),
    pod("plain/outside", { listen: { 8080: "http" } }),
  ]);
  [alice, bob] = await Promise.all([mesh.pod("shop/alice"), mesh.pod("shop/bob")]);
});
after(() => mesh?.[Symbol.asyncDispose]());

const web = "http://server.shop.svc.cluster.local";

async function statuses(
  client: TestPod,
  path: string,
  method = "GET",
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const results = await client.http({ url: `${web}${path}`, method, headers, count: 5 });
  return Object.keys(counted(results.map(({ status, error }) => error ?? status))).join("+");
}

test("without a grant a Service answers 403 `not granted`, and no server sees the request", options, async () => {
  const [result] = await alice.http({ url: `${web}/` });
  assert.deepEqual([result?.status, result?.body], [403, "not granted"]);
  assert.equal(result?.headers["x-server"], undefined);
});

test("a grant is for its account, paths and methods, and the server learns who called", options, async () => {
  const policy = [
    routeGroup("shop/routes", [
      { name: "read", pathRegex: "/items/[0-9]+", methods: ["GET", "HEAD"] },
      { name: "write", pathRegex: "/items", methods: ["POST"] },
    ]),
    trafficTarget("shop/alice", {
      to: "server",
      from: ["shop/alice"],
      rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["read", "write"] }],
    }),
  ];
  await mesh.apply(policy);
  assert.equal(await statuses(alice, "/items/7"), "200");
  assert.equal(await statuses(alice, "/items/7?debug=/items/x", "GET"), "200", "the query does not count");
  assert.equal(await statuses(alice, "/items/7", "HEAD"), "200");
  assert.equal(await statuses(alice, "/items", "POST"), "200");
  assert.equal(await statuses(alice, "/items/7", "POST"), "403", "the path of one match, the method of another");
  assert.equal(await statuses(alice, "/items", "GET"), "403");
  assert.equal(await statuses(alice, "/items/7/prices"), "403", "the whole path must fit");
  assert.equal(await statuses(alice, "/v1/items/7"), "403", "the whole path must fit");
  assert.equal(await statuses(alice, "/items/seven"), "403");
  assert.equal(await statuses(alice, "/other?/items/7"), "403", "the query does not count");
  assert.equal(await statuses(bob, "/items/7"), "403");

  const seen = answerOf(
    (await alice.http({ url: `${web}/items/7`, headers: { "x-forwarded-client-cert": "URI=forged" } }))[0],
  );
  assert.match(seen.headers["x-forwarded-client-cert"] ?? "", /URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/alice/);
  assert.doesNotMatch(seen.headers["x-forwarded-client-cert"] ?? "", /forged/);
  await mesh.remove(policy);
  assert.equal(await statuses(alice, "/items/7"), "403");
});
