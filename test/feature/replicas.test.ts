import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { localCluster } from "../../local/names.ts";
import { type ProxyReport, reportId } from "../../shared/store/documents.ts";
import { trafficSplit } from "../support/build.ts";
import { eventually } from "../support/eventually.ts";
import type { FeatureMesh } from "./feature-mesh.ts";
import { httpService, openShop } from "./shop.ts";

async function reported(shop: FeatureMesh, expected: (report: ProxyReport) => boolean): Promise<ProxyReport> {
  return eventually("the report", async () => {
    const stored = await shop.mesh.documents.get<ProxyReport>("changes", localCluster, reportId);
    return stored !== undefined && expected(stored.body) && stored.body;
  });
}

describe("two replicas", () => {
  it("one publisher adds up what both say of their proxies; who went counts no more", async () => {
    await using opened = await openShop({ permissive: true, gatewayEnv: { WEFT_REPORT_MS: "50" } });
    const { shop } = opened;
    const pod = await shop.run({ name: "server", account: "server", labels: { app: "server" } });
    {
      await using other = await shop.mesh.startReplica("weft-gateway-1");
      await using proxy = shop.connect(pod, { port: other.xdsPort });
      await proxy.until("its listeners", () => proxy.held.listener.has("inbound"));
      const both = await reported(
        shop,
        ({ totals, wanted }) => totals.connected === 2 && totals.settled === 2 && wanted > 0,
      );
      assert.deepEqual(
        both.replicas.map(({ replica, connected }) => [replica, connected]),
        [
          ["weft-gateway-0", 1],
          ["weft-gateway-1", 1],
        ],
      );
      assert.deepEqual(
        both.proxies.map(({ proxy: name }) => name).toSorted((a, b) => (a < b ? -1 : 1)),
        ["shop/client", "shop/server"],
      );
    }
    const one = await reported(shop, ({ replicas }) => replicas.length === 1);
    assert.equal(one.totals.connected, 1);
  });

  it("one hears the hub and passes on what it hears", async () => {
    // The slow read of the head would find it, too: not within this test.
    await using opened = await openShop({
      permissive: true,
      objects: [httpService("v1"), httpService("v2")],
      gatewayEnv: { WEFT_HEAD_READ_MS: "600000" },
    });
    const { shop, client } = opened;
    await client.until("the Services", () => client.held.route.has("shop/v2/80"));
    const pod = await shop.run({ name: "server", account: "server", labels: { app: "server" } });
    await using other = await shop.mesh.startReplica("weft-gateway-1");
    await using proxy = shop.connect(pod, { port: other.xdsPort });
    await proxy.until("the Service", () => proxy.held.route.has("shop/server/80"));
    await shop.apply(trafficSplit("shop/split", { root: "server", backends: { v1: 1, v2: 2 } }));
    for (const each of [client, proxy])
      await each.until("the split", () => each.text("route", "shop/server/80").includes("weightedClusters"));
  });
});
