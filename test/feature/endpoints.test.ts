import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setPodStatus } from "./feature-proxy.ts";
import { openShop } from "./shop.ts";

const endpoints = "shop/server/80/all";
const labels = { app: "server" };

describe("endpoints", () => {
  it("follow readiness, deletion and new pods, and nothing else is sent", async () => {
    await using opened = await openShop({ permissive: true });
    const { shop, client } = opened;
    const one = await shop.run({ name: "one", account: "server", labels, address: "10.244.0.1" });
    const has = (address: string) => client.text("endpoint", endpoints).includes(`"${address}"`);
    await client.until("the first pod", () => has("10.244.0.1"));
    await shop.run({ name: "two", account: "server", labels, address: "10.244.0.2" });
    await client.until("the second pod", () => has("10.244.0.2"));
    await shop.settled();

    const before = client.received.length;
    await setPodStatus(shop.client, one, { ready: false, address: "10.244.0.1" });
    await client.until("the first is left out", () => !has("10.244.0.1"));
    await setPodStatus(shop.client, one, { ready: true, address: "10.244.0.1" });
    await client.until("the first is back", () => has("10.244.0.1"));
    await shop.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/one?gracePeriodSeconds=30" });
    await client.until("the first drains", () => client.text("endpoint", endpoints).includes("DRAINING"));
    assert.ok(has("10.244.0.1") && has("10.244.0.2"));
    await shop.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/one?gracePeriodSeconds=0" });
    await client.until("the first is gone", () => !has("10.244.0.1"));
    assert.ok(has("10.244.0.2"));
    assert.deepEqual(new Set(client.received.slice(before).flat()), new Set([`endpoint ${endpoints}`]));
  });

  it("are emptied, not taken away, when the last pod goes", async () => {
    await using opened = await openShop({ permissive: true });
    const { shop, client } = opened;
    await shop.run({ name: "one", account: "server", labels, address: "10.244.0.1" });
    await client.until("the pod", () => client.text("endpoint", endpoints).includes("10.244.0.1"));
    await shop.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/one?gracePeriodSeconds=0" });
    await client.until("nobody is left", () => !client.text("endpoint", endpoints).includes("10.244.0.1"));
    assert.ok(client.held.endpoint.has(endpoints));
  });

  it("are only pods with a sidecar", async () => {
    await using opened = await openShop({ permissive: true });
    const { shop, client } = opened;
    await shop.run({ name: "bare", account: "server", labels, address: "10.244.0.1", meshed: false });
    await shop.run({ name: "meshed", account: "server", labels, address: "10.244.0.2" });
    await client.until("the pod with a sidecar", () => client.text("endpoint", endpoints).includes("10.244.0.2"));
    await shop.settled();
    assert.doesNotMatch(client.text("endpoint", endpoints), /10\.244\.0\.1"/);
  });
});
