import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { httpRouteGroup, service, tcpRoute, trafficTarget } from "../support/build.ts";
import type { FeatureMesh, FeatureProxy } from "./feature-mesh.ts";
import { openShop, principalOf } from "./shop.ts";

const routes = httpRouteGroup("shop/api", [{ name: "read", pathRegex: "/items/.*", methods: ["GET"] }]);
const rule = { kind: "HTTPRouteGroup", name: "api", matches: ["read"] };
const target = trafficTarget("shop/client-reads", { to: "server", from: ["shop/client"], rules: [rule] });
const principal = principalOf("client");

interface Closed extends AsyncDisposable {
  readonly shop: FeatureMesh;
  readonly client: FeatureProxy;
  readonly server: FeatureProxy;
}

/** Nobody may reach anybody; the proxies of a client and a server are connected. */
async function openClosed(): Promise<Closed> {
  await using life = new AsyncDisposableStack();
  const { shop, client } = life.use(await openShop({ permissive: false }));
  const server = life.use(
    shop.connect(await shop.run({ name: "server", account: "server", labels: { app: "server" } })),
  );
  await server.until("the server has its policy", () => server.held.extension.has("authz-8080"));
  const running = life.move();
  return { shop, client, server, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

describe("TrafficTarget", () => {
  it("lets its sources in where nobody was, and takes that back when it goes", async () => {
    await using open = await openClosed();
    const { shop, client, server: own } = open;
    await shop.settled();
    assert.deepEqual(client.names("route"), []);
    assert.doesNotMatch(own.text("extension", "authz-8080"), /policies/);

    await shop.apply(routes, target);
    await client.until("the client may dial the server", () => client.held.route.has("shop/server/80"));
    await own.until("the server admits the client", () => own.text("extension", "authz-8080").includes(principal));
    const [cluster] = client.names("cluster").filter((name) => name.startsWith("shop/server/80/"));
    assert.match(client.text("secret", cluster ?? ""), /ns\/shop\/sa\/server/);
    assert.match(client.text("endpoint", cluster ?? ""), /127\.0\.0\.1/);
    assert.match(own.text("extension", "authz-8080"), /\/items\/\.\*/);
    await shop.settled();

    await shop.remove(target);
    await own.until("the server admits nobody", () => !own.text("extension", "authz-8080").includes("policies"));
    await client.until(
      "the client's listener is gone",
      () => !client.names("listener").some((name) => name.startsWith("shop/")),
    );
    assert.ok(own.held.extension.has("authz-8080"), "a withdrawn policy is deny-all, not nothing");
  });

  it("moves nothing but the server's policy when a route group is edited", async () => {
    await using open = await openClosed();
    const { shop, client, server: own } = open;
    await shop.apply(routes, target);
    await own.until("the server admits the client", () => own.text("extension", "authz-8080").includes(principal));
    await client.until("the client may dial the server", () => client.held.route.has("shop/server/80"));
    await shop.settled();
    const [atClient, atServer] = [client.received.length, own.received.length];
    await shop.apply(httpRouteGroup("shop/api", [{ name: "read", pathRegex: "/things/.*", methods: ["GET", "HEAD"] }]));
    await own.until("the policy has the new path", () => own.text("extension", "authz-8080").includes("/things/"));
    await shop.settled();
    assert.deepEqual(own.received.slice(atServer), [["extension authz-8080"]]);
    assert.deepEqual(client.received.slice(atClient), []);
  });

  it("gives nothing while its route is missing, and works once that is there", async () => {
    await using open = await openClosed();
    const { shop, server: own } = open;
    await shop.apply(target);
    await shop.settled();
    assert.doesNotMatch(own.text("extension", "authz-8080"), /policies/);
    await shop.apply(routes);
    await own.until("the server admits the client", () => own.text("extension", "authz-8080").includes(principal));
  });

  it("opens TCP ports by a TCPRoute", async () => {
    await using open = await openClosed();
    const { shop, client, server: own } = open;
    const database = service("shop/server", {
      ports: [{ port: 3306, targetPort: 3306, appProtocol: "tcp", name: "db" }],
    });
    await shop.apply(database, tcpRoute("shop/any", [3306]));
    await own.until("the port is TCP", () => own.held.extension.has("authz-tcp-3306"));
    assert.doesNotMatch(own.text("extension", "authz-tcp-3306"), /policies/);
    await shop.apply(
      trafficTarget("shop/client-connects", {
        to: "server",
        from: ["shop/client"],
        rules: [{ kind: "TCPRoute", name: "any" }],
      }),
    );
    await own.until("the server admits the client", () => own.text("extension", "authz-tcp-3306").includes(principal));
    await client.until("the client may dial it", () =>
      client.names("listener").some((name) => name.startsWith("shop/server/3306/")),
    );
  });
});
