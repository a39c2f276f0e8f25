import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { meshConfig } from "../support/build.ts";
import { openShop } from "./shop.ts";

describe("permissive mode", () => {
  it("lets every peer in, and nobody when it ends; listeners of the server stay as they are", async () => {
    await using opened = await openShop({ permissive: true });
    const { shop, client } = opened;
    const pod = await shop.run({ name: "server", account: "server", labels: { app: "server" } });
    await using server = shop.connect(pod);
    await client.until("the client may dial the server", () => client.held.route.has("shop/server/80"));
    await server.until("the server admits all", () => server.text("extension", "authz-8080").includes('"permissive"'));
    await shop.settled();
    const inbound = server.held.listener.get("inbound")?.version;

    await shop.apply(meshConfig({ permissive: false, egress: false }));
    await server.until("the server admits nobody", () => !server.text("extension", "authz-8080").includes("policies"));
    await client.until(
      "nothing is granted",
      () => !client.names("listener").some((name) => name.startsWith("shop/server")),
    );
    await shop.settled();
    assert.equal(server.held.listener.get("inbound")?.version, inbound);

    await shop.apply(meshConfig({ permissive: true, egress: false }));
    await server.until("the server admits all again", () =>
      server.text("extension", "authz-8080").includes('"permissive"'),
    );
    await client.until("the client may dial it again", () => client.held.route.has("shop/server/80"));
  });

  it("lets traffic out of the mesh only when egress is on", async () => {
    await using opened = await openShop({ permissive: true });
    const { shop, client } = opened;
    assert.doesNotMatch(client.text("listener", "outbound"), /"passthrough"/);
    await shop.apply(meshConfig({ permissive: true, egress: true }));
    await client.until("the way out is open", () => client.text("listener", "outbound").includes('"passthrough"'));
    await shop.apply(meshConfig({ permissive: true, egress: false }));
    await client.until("the way out is closed", () => !client.text("listener", "outbound").includes('"passthrough"'));
  });
});
