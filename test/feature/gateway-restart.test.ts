import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { within } from "../conformance/xds/within.ts";
import { service, trafficSplit } from "../support/build.ts";
import { httpService, openShop } from "./shop.ts";

const headless = service("shop/db", { ports: [{ port: 3306, appProtocol: "tcp", name: "db" }], clusterIP: "None" });

describe("a gateway that comes back", () => {
  it("sends nothing again that a proxy holds, and what changed meanwhile alone", async () => {
    await using opened = await openShop({
      permissive: true,
      objects: [httpService("v1"), httpService("v2"), headless],
    });
    const { shop, client, clientPod } = opened;
    await shop.run({ name: "server", account: "server", labels: { app: "server" }, address: "10.244.0.1" });
    await shop.run({ name: "db-0", account: "db", labels: { app: "db" }, address: "10.244.0.2" });
    await client.until("the server", () => client.text("endpoint", "shop/server/80/all").includes("10.244.0.1"));
    await client.until("the database", () => client.held.listener.has("shop/db/3306/10.244.0.2"));
    await shop.settled();

    await shop.mesh.restartGateway();
    await within(client.ended, "the end of the stream");
    await using back = shop.connect(clientPod, { holding: client.held });
    await shop.settled();
    await shop.apply(trafficSplit("shop/split", { root: "server", backends: { v1: 1, v2: 2 } }));
    await back.until("the split", () => back.text("route", "shop/server/80").includes("weightedClusters"));
    await shop.settled();
    const sent = back.received.flat().filter((line) => !line.includes(" -"));
    // A new gateway signs anew: keys never leave it.
    assert.deepEqual(new Set(sent), new Set(["secret identity", "route shop/server/80"]));
  });

  it("takes away what went while it was gone", async () => {
    await using opened = await openShop({ permissive: true, objects: [httpService("v1")] });
    const { shop, client, clientPod } = opened;
    await client.until("the Service", () => client.held.route.has("shop/v1/80"));
    await shop.settled();
    const { held } = client;
    await client[Symbol.asyncDispose]();
    await shop.remove(httpService("v1"));
    await shop.mesh.restartGateway();
    await using back = shop.connect(clientPod, { holding: held });
    await back.until("the listener is gone", () => !back.names("listener").some((name) => name.startsWith("shop/v1/")));
  });
});
