import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { httpRouteGroup, service, trafficSplit } from "../support/build.ts";
import { httpService, openShop } from "./shop.ts";

const backends = [httpService("v1"), httpService("v2")];
const split = (v1: number, v2: number) => trafficSplit("shop/split", { root: "server", backends: { v1, v2 } });
const route = "shop/server/80";

async function openSplit() {
  const opened = await openShop({ permissive: true, objects: [...backends, split(50, 50)] });
  for (const name of ["v1", "v2"])
    await opened.shop.run({ name, account: name, labels: { app: name }, address: `10.244.0.${name.slice(1)}` });
  const { client } = opened;
  await client.until("both backends are dialled", () =>
    ["v1", "v2"].every((name) => client.text("endpoint", `shop/${name}/80/all`).includes(`10.244.0.${name.slice(1)}`)),
  );
  return opened;
}

describe("TrafficSplit", () => {
  it("sends weight to both backends, and an edit of the weights moves the route alone", async () => {
    await using opened = await openSplit();
    const { shop, client } = opened;
    await client.until("the route is split", () =>
      /v1\/80\/all","weight":50.*v2\/80\/all","weight":50/.test(client.text("route", route)),
    );
    await shop.settled();
    const before = client.received.length;
    await shop.apply(split(90, 10));
    await client.until("the weights are new", () => /"weight":90.*"weight":10\b/.test(client.text("route", route)));
    await shop.settled();
    assert.deepEqual(client.received.slice(before), [[`route ${route}`]]);
  });

  it("sends everything to one backend at 100/0, and to the Service itself when the split is gone", async () => {
    await using opened = await openSplit();
    const { shop, client } = opened;
    await shop.apply(split(100, 0));
    await client.until("v2 has no weight", () => !/v2[^}]*"weight":[1-9]/.test(client.text("route", route)));
    assert.match(client.text("route", route), /shop\/v1\/80\/all/);
    await shop.remove(split(100, 0));
    await client.until("the route leads to the Service", () => client.text("route", route).includes("shop/server/80/"));
    assert.doesNotMatch(client.text("route", route), /shop\/v[12]\//);
  });

  it("takes only the requests that match", async () => {
    await using opened = await openSplit();
    const { shop, client } = opened;
    await shop.apply(
      httpRouteGroup("shop/firefox", [{ name: "m", headers: [{ "User-Agent": ".*Firefox.*" }] }]),
      trafficSplit("shop/canary", { root: "server", backends: { v2: 1 }, matches: ["firefox"] }),
    );
    const text = await client.until("the route has two rules", () => {
      const now = client.text("route", route);
      return now.includes("user-agent") && now;
    });
    assert.ok(text.indexOf("user-agent") < text.indexOf("weightedClusters"), "what matches comes before the rest");
  });

  it("puts the weights of a TCP port into the endpoints, and moves nothing else", async () => {
    const tcp = (name: string) =>
      service(`shop/${name}`, { ports: [{ port: 3306, appProtocol: "tcp", name: "db" }], selector: { app: name } });
    await using opened = await openShop({ permissive: true, objects: ["server", "v1", "v2"].map(tcp) });
    const { shop, client } = opened;
    for (const name of ["v1", "v2"])
      await shop.run({ name, account: name, labels: { app: name }, address: `10.244.0.${name.slice(1)}` });
    await shop.apply(split(1, 3));
    const name = await client.until("the split's endpoints", () => {
      const found = client.names("endpoint").find((endpoint) => endpoint.startsWith("shop/server/3306/split/"));
      return (
        found !== undefined &&
        /"loadBalancingWeight":1\b.*"loadBalancingWeight":3\b/.test(client.text("endpoint", found)) &&
        found
      );
    });
    await shop.settled();
    const before = client.received.length;
    await shop.apply(split(2, 2));
    await client.until("the weights are new", () => !client.text("endpoint", name).includes('"loadBalancingWeight":3'));
    await shop.settled();
    assert.deepEqual(client.received.slice(before), [[`endpoint ${name}`]]);
  });
});
