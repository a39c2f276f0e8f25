import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { trafficTarget } from "../support/build.ts";
import { allRequests, anyRequest, openShop, principalOf } from "./shop.ts";

const target = trafficTarget("shop/new-to-server", { to: "server", from: ["shop/new"], rules: [anyRequest] });

describe("a new pod of a class that the snapshot does not know", () => {
  it("is served at once while the functions stand still, with the policy in force, and gets nothing again when they go on", async () => {
    await using opened = await openShop({ permissive: false, objects: [allRequests, target] });
    const { shop, client } = opened;
    await shop.run({ name: "server", account: "server", labels: { app: "server" }, address: "10.244.0.1" });
    await shop.settled();
    const version = await shop.settled();
    const held = new Map(client.held.listener);

    using _ = shop.mesh.stallFunctions();
    await using proxy = shop.connect(await shop.run({ name: "new", account: "new", labels: { app: "new" } }));
    await proxy.until("the new pod may dial the server", () => proxy.held.route.has("shop/server/80"));
    await proxy.until("it has the server's endpoint", () =>
      proxy.names("endpoint").some((name) => proxy.text("endpoint", name).includes("10.244.0.1")),
    );
    await proxy.until("it has a certificate", () => proxy.text("secret", "identity") !== "");
    assert.ok(proxy.held.listener.has("inbound"));
    const { wanted } = await shop.debug<{ readonly wanted: number }>("/debug/proxies");
    assert.equal(wanted, version, "no snapshot came meanwhile");
    assert.deepEqual(client.held.listener, held);

    const before = proxy.received.length;
    _[Symbol.dispose]();
    await shop.settled();
    assert.ok((await shop.settled()) > version);
    assert.deepEqual(proxy.received.slice(before), [], "the cloud compiled the same bytes");
  });

  it("as a server, denies whom no grant in force admits", async () => {
    await using opened = await openShop({ permissive: false, objects: [allRequests, target] });
    const { shop } = opened;
    await shop.settled();
    using _ = shop.mesh.stallFunctions();
    const other = trafficTarget("shop/later", { to: "server", from: ["shop/later"], rules: [anyRequest] });
    await shop.apply(other);
    await using server = shop.connect(await shop.run({ name: "server", account: "server", labels: { app: "server" } }));
    await server.until("it has a policy", () => server.text("extension", "authz-8080").includes(principalOf("new")));
    assert.doesNotMatch(server.text("extension", "authz-8080"), /later/);
    _[Symbol.dispose]();
    await server.until("the later grant is in", () =>
      server.text("extension", "authz-8080").includes(principalOf("later")),
    );
  });
});
