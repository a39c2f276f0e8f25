import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect } from "node:tls";
import { status } from "@grpc/grpc-js";
import { viewOf } from "../../shared/core/stream/stream-fixture.ts";
import { serverName, startXdsHarness } from "../conformance/xds/harness.ts";
import { within } from "../conformance/xds/within.ts";
import { connectDeltaClient } from "../conformance/xds/xds-client.ts";

describe("xDS server", () => {
  it("serves a proxy with a good token over TLS and reports what it acknowledged", async () => {
    await using harness = await startXdsHarness();
    harness.publish(viewOf(1, { cluster: { a: "1" }, listener: { l: "1" } }));
    await using client = harness.connect();
    client.request("cluster");
    const clusters = await client.next();
    assert.deepEqual(clusters.resources, { a: "1" });
    assert.equal(clusters.bodies["a"], "cluster|a|1");
    client.ack(clusters);
    client.request("listener");
    client.ack(await client.next());
    await harness.reported("settled 1");
    assert.deepEqual(harness.reports, [
      "connected shop/cart test 1.40.0 delta",
      "acknowledged cluster a@1",
      "acknowledged listener l@1",
      "settled 1",
    ]);
  });

  it("refuses a stream without token, and says why", async () => {
    await using harness = await startXdsHarness();
    await using bare = connectDeltaClient({
      port: harness.server.port,
      roots: harness.roots,
      token: undefined,
      serverName,
    });
    bare.request("cluster");
    assert.deepEqual(await bare.ended().then(({ code, details }) => [code, details]), [
      status.UNAUTHENTICATED,
      "no token",
    ]);
    assert.deepEqual(harness.reports, []);
  });

  it("sends an unproven version to one proxy, and keeps what that refuses from the others", async () => {
    await using harness = await startXdsHarness({ tasterPatienceMs: 60_000 });
    harness.publish(viewOf(1, { cluster: { a: "1", b: "1" } }));
    await using first = harness.connect("good-one");
    await using second = harness.connect("good-two");
    for (const client of [first, second]) {
      client.request("cluster");
      client.ack(await client.next());
      await client.settle();
    }
    harness.publish(viewOf(2, { cluster: { a: "2?", b: "2?" } }));
    const tasted = [await first.next(), await first.next()];
    assert.deepEqual(
      tasted.map(({ resources }) => resources),
      [{ a: "2?" }, { b: "2?" }],
    );
    assert.deepEqual(await second.settle(), [], "waits");
    for (const one of tasted) if (one.resources["a"] === undefined) first.ack(one);
    const proven = await second.next();
    assert.deepEqual(proven.resources, { b: "2?" });
    second.ack(proven);
    for (const one of tasted) if (one.resources["a"] !== undefined) first.nack(one, "no such thing");
    const refusal = "refused cluster a@2?: no such thing";
    await harness.reported(refusal);
    assert.deepEqual(await second.settle(), []);
    assert.equal(harness.reports.filter((line) => line === refusal).length, 2, "of both proxies");
    harness.publish(viewOf(3, { cluster: { a: "3", b: "2?" } }));
    first.ack(await first.next());
    assert.deepEqual((await second.next()).resources, { a: "3" });
  });

  it("ends streams with an ordinary status when the proxy must go, and when a newer one comes", async () => {
    await using harness = await startXdsHarness();
    harness.publish(viewOf(1, {}));
    await using first = harness.connect("good-one");
    first.request("cluster");
    await first.next();
    await using second = harness.connect("good-one");
    second.request("cluster");
    assert.equal((await first.ended()).code, status.OK);
    await second.next();
    await using third = harness.connect("good-two");
    third.request("cluster");
    await third.next();
    harness.endProxies("gone");
    assert.equal((await third.ended()).code, status.OK);
  });

  it("ends streams with an ordinary status at the maximum age", async () => {
    await using harness = await startXdsHarness({ maxStreamAge: { least: 20, most: 50 } });
    await using client = harness.connect();
    client.request("cluster");
    assert.equal((await client.ended()).code, status.OK);
  });

  it("ends with the server, without waiting for the proxies", async () => {
    const harness = await startXdsHarness();
    harness.publish(viewOf(1, {}));
    await using client = harness.connect();
    client.request("cluster");
    await client.next();
    await within(harness[Symbol.asyncDispose](), "the end of the server");
    assert.equal((await client.ended()).code, status.OK);
    assert.ok(harness.reports.includes("disconnected shop/cart: the gateway stops"));
  });
});

describe("xDS server, over time", () => {
  it("changes its certificate without a restart, and keeps the streams", async () => {
    await using harness = await startXdsHarness();
    harness.publish(viewOf(1, {}));
    await using client = harness.connect("good-old");
    client.request("cluster");
    await client.next();
    const before = await serialOf(harness.server.port, harness.roots);
    harness.server.replaceCertificate(await harness.makeCertificate());
    assert.notEqual(await serialOf(harness.server.port, harness.roots), before);
    client.request("listener");
    assert.equal((await client.next()).type, "listener");
  });

  it("refuses what is not a discovery request, on that stream alone", async () => {
    await using harness = await startXdsHarness();
    harness.publish(viewOf(1, {}));
    await using good = harness.connect("good-one");
    good.request("cluster");
    await good.next();
    await using bad = harness.connect("good-two");
    bad.sendRaw(Buffer.from([0x12, 0xff, 0x01, 0x00]));
    assert.equal((await bad.ended()).code, status.INVALID_ARGUMENT);
    good.request("listener");
    assert.equal((await good.next()).type, "listener");
  });
});

async function serialOf(port: number, ca: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", ca, servername: serverName, ALPNProtocols: ["h2"] });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate().serialNumber));
  socket.once("error", reject);
  try {
    return await within(promise, "the handshake");
  } finally {
    socket.destroy();
  }
}
