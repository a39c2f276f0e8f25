import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { service } from "../support/build.ts";
import { openShop } from "./shop.ts";

describe("headless Services", () => {
  for (const appProtocol of ["tcp-server-first", "http"]) {
    it(`have a listener for each pod's address (${appProtocol})`, async () => {
      const database = service("shop/db", { ports: [{ port: 3306, appProtocol, name: "db" }], clusterIP: "None" });
      await using opened = await openShop({ permissive: true, objects: [database] });
      const { shop, client } = opened;
      const listener = (address: string) => client.text("listener", `shop/db/3306/${address}`);
      await shop.run({ name: "db-0", account: "db", labels: { app: "db" }, address: "10.244.0.1" });
      await client.until("the first pod's listener", () => listener("10.244.0.1") !== "");
      await shop.settled();
      const before = client.received.length;
      await shop.run({ name: "db-1", account: "db", labels: { app: "db" }, address: "10.244.0.2" });
      await client.until("the second pod's listener", () => listener("10.244.0.2") !== "");
      assert.deepEqual(client.received.slice(before), [["listener shop/db/3306/10.244.0.2"]]);
      assert.match(listener("10.244.0.2"), /"address":"10\.244\.0\.2","portValue":3306/);
      const [cluster] = client.names("cluster").filter((name) => name.startsWith("shop/db/3306/pod/"));
      assert.match(client.text("cluster", cluster ?? ""), /ORIGINAL_DST/);
      await shop.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/db-0?gracePeriodSeconds=0" });
      await client.until("the first pod's listener is gone", () => listener("10.244.0.1") === "");
      assert.notEqual(listener("10.244.0.2"), "");
    });
  }
});
