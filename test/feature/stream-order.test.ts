import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";
import { service } from "../support/build.ts";
import { eventually } from "../support/eventually.ts";
import type { FeatureMesh, FeatureProxy } from "./feature-mesh.ts";
import { openShop } from "./shop.ts";

/** Another Service of the server's pods, on a port of its own. */
const extra = service("shop/extra", {
  ports: [{ port: 81, targetPort: 8081, name: "http" }],
  selector: { app: "server" },
});

/** Longer than any test: whoever is told was waited for. */
const noLimit = String(60_000);

/** Answers of a proxy that wait until they are let go. */
function createGate() {
  let waiting: (() => void)[] = [];
  let closed = false;
  return {
    answer: (_type: EnvoyType, send: () => void): void => {
      if (closed) waiting.push(send);
      else send();
    },
    close: (): void => {
      closed = true;
    },
    open: (): void => {
      closed = false;
      for (const send of waiting) send();
      waiting = [];
    },
  };
}

async function openExtra({
  limit,
  objects = [],
}: {
  readonly limit: string;
  readonly objects?: readonly (typeof extra)[];
}) {
  await using life = new AsyncDisposableStack();
  const opened = life.use(await openShop({ permissive: true, objects, gatewayEnv: { WEFT_ORDER_MS: limit } }));
  const { shop, clientPod } = opened;
  const gates = { server: createGate(), client: createGate() };
  const serverPod = await shop.run({
    name: "server",
    account: "server",
    labels: { app: "server" },
    address: "127.0.0.1",
  });
  const server = life.use(shop.connect(serverPod, { answer: gates.server.answer }));
  await opened.client[Symbol.asyncDispose]();
  const client = life.use(shop.connect(clientPod, { answer: gates.client.answer }));
  await server.until("the server has its chain", () => hasChain(server, 8080));
  await client.until("the client dials the server", () => dials(client, "shop/server/80"));
  await shop.settled();
  const running = life.move();
  return { shop, server, client, gates, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function hasChain(proxy: FeatureProxy, port: number): boolean {
  return proxy.text("listener", "inbound").includes(`"inbound/${port}"`);
}

function dials(proxy: FeatureProxy, name: string): boolean {
  return proxy.names("cluster").some((cluster) => cluster.startsWith(`${name}/`));
}

/** The gateway serves a snapshot of a state with, or without, the Service. */
async function untilServed(shop: FeatureMesh, isThere: boolean): Promise<void> {
  await eventually("the snapshot in force is of the state", async () => {
    const { state, objects } = await shop.debug<{ readonly state: string; readonly objects: readonly string[] }>(
      "/debug/state",
    );
    const { served } = await shop.debug<{ readonly served?: { readonly state: string } }>("/debug/snapshot");
    return objects.includes("/Service/shop/extra") === isThere && served?.state === state;
  });
}

describe("Order between streams", () => {
  it("tells clients of a port when the server has acknowledged its chain", async () => {
    await using open = await openExtra({ limit: noLimit });
    const { shop, server, client, gates } = open;
    gates.server.close();
    await shop.apply(extra);
    await server.until("the server is told first", () => hasChain(server, 8081));
    await untilServed(shop, true);
    await using fresh = shop.connect(await shop.run({ name: "fresh", account: "client" }));
    await fresh.until("who connects now waits for nobody", () => dials(fresh, "shop/extra/81"));
    assert.equal(dials(client, "shop/extra/81"), false);
    gates.server.open();
    await client.until("the client dials the port", () => dials(client, "shop/extra/81"));
  });

  it("waits no longer than the limit", async () => {
    await using open = await openExtra({ limit: "200" });
    const { shop, client, gates } = open;
    gates.server.close();
    await shop.apply(extra);
    await client.until("the client dials the port", () => dials(client, "shop/extra/81"));
  });

  it("takes a chain away when the clients have acknowledged that it is gone", async () => {
    await using open = await openExtra({ limit: noLimit, objects: [extra] });
    const { shop, server, client, gates } = open;
    assert.ok(hasChain(server, 8081) && dials(client, "shop/extra/81"));
    gates.client.close();
    await shop.remove(extra);
    await client.until(
      "the client is told first",
      () => !client.names("listener").some((name) => name.includes("extra")),
    );
    await untilServed(shop, false);
    assert.ok(hasChain(server, 8081));
    gates.client.open();
    await server.until("the server has lost the chain", () => !hasChain(server, 8081));
    await shop.settled();
  });
});
