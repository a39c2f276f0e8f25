/** Which requests pass, judged by real Envoys: pairs, methods, paths, headers, modes, protocols over HTTP. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { type ListeningServer, listen } from "../../shared/shell/listening-server.ts";
import type { GrpcResult, WebSocketResult } from "../support/data-path/apps/commands.ts";
import { skip } from "../support/data-path/machine.ts";
import {
  account,
  type MatchShape,
  meshConfig,
  meshConfigNamespace,
  namespace,
  pod,
  routeGroup,
  service,
  type TestObject,
  tcpRoute,
  trafficTarget,
} from "../support/data-path/objects.ts";
import { startTestMesh, type TestMesh } from "../support/data-path/test-mesh.ts";
import { answerOf, counted, type TestPod } from "../support/data-path/test-pod.ts";
import { eventually } from "../support/eventually.ts";

const options = { skip, timeout: 300_000 };

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

test("headers, written as a list of maps and as one map, must all fit as a whole", options, async () => {
  const group = (headers: MatchShape["headers"]): TestObject =>
    routeGroup("shop/routes", [{ name: "marked", ...(headers && { headers }) }]);
  const target = trafficTarget("shop/alice", {
    to: "server",
    from: ["shop/alice"],
    rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["marked"] }],
  });
  const forms = [
    [{ "client-app": "shop-.*" }, { "X-Stage": "green|blue" }],
    { "client-app": "shop-.*", "X-Stage": "green|blue" },
  ];
  for (const headers of forms) {
    await mesh.apply([group(headers), target]);
    const ask = (sent: Readonly<Record<string, string>>): Promise<string> => statuses(alice, "/", "GET", sent);
    assert.equal(await ask({ "client-app": "shop-web", "x-stage": "blue" }), "200");
    assert.equal(await ask({ "client-app": "shop-web" }), "403", "one is missing");
    assert.equal(await ask({ "client-app": "a shop-web", "x-stage": "blue" }), "403", "the whole value must fit");
    assert.equal(await ask({ "client-app": "shop-web", "x-stage": "bluegreen" }), "403");
    await mesh.remove([target, group(headers)]);
  }
  await mesh.apply([group([{ host: "server\\.shop\\..*" }]), target]);
  assert.equal(await statuses(alice, "/"), "200", "host is the request's authority");
  assert.equal(await statuses(alice, "/", "GET", { host: "other" }), "403");
  await mesh.remove([target, group([])]);
});

test("grants add up: what one gives, another that overlaps does not take away", options, async () => {
  const policy = [
    routeGroup("shop/routes", [
      { name: "everything", pathRegex: ".*" },
      { name: "items", pathRegex: "/items.*", methods: ["GET"] },
      { name: "item", pathRegex: "/items/1", methods: ["GET", "DELETE"] },
    ]),
    trafficTarget("shop/a-alice", {
      to: "server",
      from: ["shop/alice"],
      rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["everything"] }],
    }),
    trafficTarget("shop/b-bob-items", {
      to: "server",
      from: ["shop/bob"],
      rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["items"] }],
    }),
    trafficTarget("shop/c-both-item", {
      to: "server",
      from: ["shop/bob", "shop/alice"],
      rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["item"] }],
    }),
  ];
  await mesh.apply(policy);
  assert.equal(await statuses(bob, "/items/1"), "200", "the path is alice's too, and bob's twice");
  assert.equal(await statuses(bob, "/items/1", "DELETE"), "200", "given by the third alone");
  assert.equal(await statuses(bob, "/items/2"), "200", "given by the second alone");
  assert.equal(await statuses(bob, "/items/2", "DELETE"), "403");
  assert.equal(await statuses(bob, "/other"), "403");
  assert.equal(await statuses(alice, "/items/2", "DELETE"), "200", "given by the first");
  await mesh.remove(policy.slice(3));
  assert.equal(await statuses(bob, "/items/1", "DELETE"), "403");
  assert.equal(await statuses(bob, "/items/1"), "200");
  await mesh.remove(policy.slice(0, 3));
});

test("a TCPRoute beside an HTTPRouteGroup narrows the requests to its target ports", options, async () => {
  const policy = [
    routeGroup("shop/routes", [{ name: "everything" }]),
    tcpRoute("shop/admin", [8081]),
    trafficTarget("shop/alice", {
      to: "server",
      from: ["shop/alice"],
      rules: [
        { kind: "HTTPRouteGroup", name: "routes", matches: ["everything"] },
        { kind: "TCPRoute", name: "admin" },
      ],
    }),
  ];
  await mesh.apply(policy);
  const [admin] = await alice.http({ url: "http://server.shop:81/" });
  assert.equal(answerOf(admin).name, "server");
  assert.equal(await statuses(alice, "/"), "403");
  await mesh.remove(policy);
});

test("enforced to permissive and back, under way, with connections kept", options, async () => {
  const url = `${web}/`;
  const ask = async (): Promise<string> =>
    Object.keys(counted((await bob.http({ url, count: 50, keepAlive: true })).map(({ status }) => status))).join("+");
  assert.equal(await ask(), "403");
  await mesh.apply([meshConfig({ permissive: true })]);
  assert.equal(await ask(), "200");
  const load = await alice.startLoad({
    name: "mode",
    request: { kind: "http", url, keepAlive: true },
    workers: 2,
    pauseMs: 5,
  });
  await mesh.apply([meshConfig({ permissive: true, egress: true })]);
  const tally = await load.stop();
  assert.deepEqual(tally.failures, [], "another setting disturbs nobody");
  await mesh.apply([meshConfig({})]);
  assert.equal(await ask(), "403");
  const grant = [
    routeGroup("shop/routes", [{ name: "everything" }]),
    trafficTarget("shop/bob", {
      to: "server",
      from: ["shop/bob"],
      rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["everything"] }],
    }),
  ];
  await mesh.apply(grant);
  assert.equal(await ask(), "200", "what is granted stays so in both modes");
  assert.equal(await statuses(alice, "/"), "403");
  await mesh.remove(grant);
});

test("egress off: nothing outside the mesh is reached; on: it is; off again", options, async () => {
  const outside = await mesh.pod("plain/outside");
  await using host = await startHostServer(mesh.hostAddress);
  const service = "http://outside.plain.svc.cluster.local/";
  const address = `http://${outside.address}:8080/`;
  const foreign = `http://${mesh.hostAddress}:${host.port}/`;
  const closed = async (): Promise<void> => {
    assert.equal((await alice.http({ url: service }))[0]?.body, "not granted");
    assert.match((await alice.http({ url: address }))[0]?.error ?? "", /ECONNRESET|hang up/);
    assert.match((await alice.http({ url: foreign }))[0]?.error ?? "", /ECONNRESET|hang up/);
  };
  await closed();
  await mesh.apply([meshConfig({ egress: true })]);
  assert.equal((await alice.http({ url: foreign }))[0]?.body, "the host");
  assert.equal(answerOf((await alice.http({ url: service }))[0]).name, "outside");
  assert.match((await alice.http({ url: address }))[0]?.error ?? "", /ECONNRESET|hang up/, "pods never by address");
  assert.equal(await statuses(alice, "/"), "403", "the mesh is not outside");
  await mesh.apply([meshConfig({})]);
  await closed();
});

test("gRPC: calls and streams pass with status 0, others end with PERMISSION_DENIED", options, async () => {
  const target = "server.shop.svc.cluster.local:9002";
  const say = (client: TestPod): Promise<GrpcResult> => client.grpc({ target, method: "Say", message: "hello" });
  const notGranted = await say(alice);
  assert.equal(notGranted.code, 7, notGranted.details);
  const policy = [
    routeGroup("shop/routes", [{ name: "say", pathRegex: "/test\\.Echo/Say" }]),
    trafficTarget("shop/alice", {
      to: "server",
      from: ["shop/alice"],
      rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["say"] }],
    }),
  ];
  await mesh.apply(policy);
  assert.deepEqual(await say(alice), { code: 0, details: "", messages: ["server: hello"] });
  const stream = await alice.grpc({ target, method: "Chat", message: "hello" });
  assert.equal(stream.code, 7, "the grant is for the other method");
  assert.deepEqual(stream.messages, []);
  assert.equal((await say(bob)).code, 7);
  await mesh.apply([routeGroup("shop/routes", [{ name: "say", pathRegex: "/test\\.Echo/.*", methods: ["POST"] }])]);
  assert.deepEqual(await alice.grpc({ target, method: "Chat", message: "hello" }), {
    code: 0,
    details: "",
    messages: ["server: hello", "server: hello", "server: hello"],
  });
  await mesh.remove(policy);
});

test("a WebSocket passes where its upgrade is granted", options, async () => {
  const talk = (client: TestPod): Promise<WebSocketResult> =>
    client.webSocket({ url: "ws://server.shop.svc.cluster.local/talk", messages: ["one", "two", "x".repeat(20_000)] });
  const policy = [
    routeGroup("shop/routes", [{ name: "talk", pathRegex: "/talk", methods: ["GET"] }]),
    trafficTarget("shop/alice", {
      to: "server",
      from: ["shop/alice"],
      rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["talk"] }],
    }),
  ];
  await mesh.apply(policy);
  assert.deepEqual(await talk(alice), { received: ["server: one", "server: two", `server: ${"x".repeat(20_000)}`] });
  assert.deepEqual((await talk(bob)).received, []);
  await mesh.remove(policy);
});

test(
  "what a proxy refuses leaves its last good policy, holds up nothing else, and shows on its objects",
  options,
  async () => {
    // Unicode's category of cased letters: our own check of expressions knows it, Envoy's RE2 does not.
    const group = (expression: string): TestObject =>
      routeGroup("shop/routes", [
        { name: "items", pathRegex: "/items" },
        { name: "people", pathRegex: expression },
      ]);
    const target = (name: string, match: string): TestObject =>
      trafficTarget(`shop/${name}`, {
        to: "server",
        from: [`shop/${name}`],
        rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: [match] }],
      });
    const refusals = async (): Promise<readonly string[]> =>
      (await mesh.problems())
        .filter(({ code }) => code === "rejected-by-proxy")
        .map(({ object }) => `${object.kind} ${object.namespace}/${object.name}`);
    await mesh.apply([group("/people/.*"), target("alice", "items")]);
    assert.deepEqual([await statuses(alice, "/items"), await statuses(bob, "/people/eva")], ["200", "403"]);

    await mesh.write([group("/people/\\p{LC}+"), target("bob", "people")]);
    await eventually("the refusal is told", async () => (await refusals()).length > 0);
    assert.deepEqual([...new Set(await refusals())].sort(), [
      "HTTPRouteGroup shop/routes",
      "TrafficTarget shop/alice",
      "TrafficTarget shop/bob",
    ]);
    const events = await eventually("each object has an Event", async () => {
      const found = (await mesh.events("shop")).filter(({ reason }) => reason === "rejected-by-proxy");
      return new Set(found.map(({ involvedObject: { kind, name } }) => `${kind}/${name}`)).size === 3 && found;
    });
    for (const { message, type } of events) {
      assert.equal(type, "Warning");
      assert.match(message, /refuse extension authz-.*\\p\{LC\}/);
    }
    assert.equal(await statuses(alice, "/items"), "200", "the last good policy");
    const [held] = await bob.http({ url: `${web}/people/eva` });
    assert.deepEqual(
      [held?.status, held?.body],
      [403, "RBAC: access denied"],
      "the client has its part, the server not",
    );

    await mesh.write([meshConfig({ egress: true })]);
    const outside = "http://outside.plain.svc.cluster.local/";
    await eventually(
      "another change takes effect",
      async () => (await alice.http({ url: outside }))[0]?.status === 200,
    );

    await mesh.apply([group("/people/[a-z]+"), meshConfig({})]);
    assert.deepEqual([await statuses(bob, "/people/eva"), await statuses(alice, "/items")], ["200", "200"]);
    assert.deepEqual(await refusals(), [], "what is mended is a problem no more");
    await mesh.remove([target("alice", ""), target("bob", ""), group("")]);
  },
);

/** A plain server on an address that is neither a pod's nor a Service's. */
function startHostServer(host: string): Promise<ListeningServer> {
  return listen(
    createServer((_, response) => response.end("the host")),
    { host, port: 0 },
  );
}
