import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { httpRouteGroup, trafficSplit, trafficTarget } from "../support/build.ts";
import { eventually } from "../support/eventually.ts";
import type { FeatureMesh } from "./feature-mesh.ts";
import { allRequests, anyRequest, httpService, openShop } from "./shop.ts";

interface KubernetesEvent {
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly uid?: string };
}

async function eventsOn(shop: FeatureMesh, name: string): Promise<readonly KubernetesEvent[]> {
  const path = "/api/v1/namespaces/shop/events";
  const { items } = await shop.client.call<{ readonly items: readonly KubernetesEvent[] }>({ path });
  return items.filter(({ involvedObject }) => involvedObject.name === name);
}

async function codes(shop: FeatureMesh): Promise<readonly string[]> {
  const { problems } = await shop.debug<{
    readonly problems: readonly { readonly code: string; readonly object: { readonly name: string } }[];
  }>("/debug/problems");
  return problems.map(({ code, object }) => `${code} ${object.name}`);
}

describe("problems", () => {
  it("show as a Kubernetes Event on their object, with code and what is wrong, and are gone when it is mended", async () => {
    await using opened = await openShop({ permissive: false });
    const { shop } = opened;
    const target = trafficTarget("shop/odd", { to: "server", from: ["shop/client"], rules: [anyRequest] });
    await shop.apply(target);
    const event = await eventually("an event", async () => (await eventsOn(shop, "odd"))[0]);
    assert.deepEqual(
      [event.reason, event.type, event.involvedObject.kind],
      ["route-group-not-found", "Warning", "TrafficTarget"],
    );
    assert.match(event.message, /spec\.rules\[0\] names the HTTPRouteGroup 'all'/);
    assert.ok(event.involvedObject.uid);
    await eventually("the problem stands", async () => (await codes(shop)).includes("route-group-not-found odd"));
    await shop.apply(allRequests);
    await eventually("no problem stands", async () => (await codes(shop)).length === 0);
    assert.equal((await eventsOn(shop, "odd")).length, 1);
  });

  it("of one object leave the others alone", async () => {
    await using opened = await openShop({ permissive: false, objects: [allRequests] });
    const { shop, client } = opened;
    const bad = httpRouteGroup("shop/bad", [{ name: "m", pathRegex: "(?=x)" }]);
    const rules = [{ kind: "HTTPRouteGroup", name: "bad", matches: ["m"] }];
    await shop.apply(bad, trafficTarget("shop/bad", { to: "server", from: ["shop/client"], rules }));
    await shop.apply(trafficTarget("shop/good", { to: "server", from: ["shop/client"], rules: [anyRequest] }));
    await shop.run({ name: "server", account: "server", labels: { app: "server" }, address: "10.244.0.1" });
    await client.until("the good one works", () => client.held.route.has("shop/server/80"));
    await eventually("the bad one is named", async () => (await codes(shop)).includes("regex-invalid bad"));
  });

  it("of a proxy that refuses a resource land on its causes, the rest is applied, and a mended one goes out", async () => {
    await using opened = await openShop({ permissive: true, objects: ["v1", "v2"].map(httpService) });
    const { shop, clientPod } = opened;
    await using strict = shop.connect(clientPod, {
      refuse: (type, _name, content) =>
        type === "route" && JSON.stringify(content).includes('"weight":13') ? "unlucky" : undefined,
    });
    const split = (v1: number) => trafficSplit("shop/split", { root: "server", backends: { v1, v2: 1 } });
    await shop.apply(split(12));
    await strict.until("the good split", () => strict.text("route", "shop/server/80").includes('"weight":12'));
    await shop.settled();

    await shop.apply(split(13), httpService("v3"));
    await strict.until("the rest is applied", () => strict.held.route.has("shop/v3/80"));
    const event = await eventually("an event", async () => (await eventsOn(shop, "split"))[0]);
    assert.equal(event.reason, "rejected-by-proxy");
    assert.match(event.message, /route shop\/server\/80.*unlucky/);
    assert.match(strict.text("route", "shop/server/80"), /"weight":12\b/);
    const { proxies } = await shop.debug<{ readonly proxies: readonly { readonly refused?: string }[] }>(
      "/debug/proxies",
    );
    assert.match(proxies[0]?.refused ?? "", /unlucky/);

    await shop.apply(split(14));
    await strict.until("the mended split", () => strict.text("route", "shop/server/80").includes('"weight":14'));
    await shop.settled();
    await eventually("no problem stands", async () => (await codes(shop)).length === 0);
  });
});
