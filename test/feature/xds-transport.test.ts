import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants, type Settings } from "node:http2";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { defaultHttp2Limits } from "../../gateway/xds/http2/limits.ts";
import { viewOf } from "../../shared/core/stream/stream-fixture.ts";
import { serverName, startXdsHarness, type XdsHarness } from "../conformance/xds/harness.ts";
import { within } from "../conformance/xds/within.ts";

const method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
/** A delta request for all clusters, as it lies in data. */
const clusterRequest = Buffer.concat([
  Buffer.from([0, 0, 0, 0, clusterType.length + 2, 0x12, clusterType.length]),
  Buffer.from(clusterType),
]);

describe("the transport under xDS", () => {
  it("is understood by Node's HTTP/2, whatever characters headers have", async () => {
    await using harness = await startXdsHarness();
    harness.publish(viewOf(1, { cluster: { a: "1" } }));
    const characters = Array.from({ length: 94 }, (_, index) => String.fromCharCode(index + 33)).join("");
    using client = http2To(harness);
    const { session } = client;
    const stream = session.request({
      ":method": "POST",
      ":path": method,
      "content-type": "application/grpc",
      te: "trailers",
      "x-any": characters,
      authorization: `Bearer good-${"x".repeat(3000)}${characters.replaceAll(/\W/g, "")}`,
    });
    stream.write(clusterRequest);
    const [head] = (await within(once(stream, "response"), "the head")) as [Record<string, string>];
    assert.equal(head[":status"], 200);
  });

  it("tells who does not speak gRPC", async () => {
    await using harness = await startXdsHarness();
    using client = http2To(harness);
    const { session } = client;
    const stream = session.request({ ":path": "/" });
    const [head] = (await within(once(stream, "response"), "the head")) as [Record<string, string>];
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    assert.equal(head[":status"], 415);
    assert.match(Buffer.concat(chunks).toString(), /speaks gRPC/);
  });

  it("sends a proxy at its maximum age to another connection", async () => {
    await using harness = await startXdsHarness({ maxStreamAge: { least: 20, most: 50 } });
    using client = http2To(harness);
    const { session } = client;
    const goaway = once(session, "goaway");
    const stream = session.request({
      ":method": "POST",
      ":path": method,
      "content-type": "application/grpc",
      authorization: "Bearer good-cart",
    });
    stream.on("error", () => {});
    const [code] = (await within(goaway, "the GOAWAY")) as [number];
    assert.equal(code, constants.NGHTTP2_NO_ERROR);
  });

  it("ends a TLS handshake that is not finished, and does not wait for one when it stops", async () => {
    const harness = await startXdsHarness({ limits: { ...defaultHttp2Limits, handshake: 50 } });
    const half = connect(harness.server.port, "127.0.0.1").resume();
    await within(once(half, "close"), "the end of the handshake");
    const other = await startXdsHarness({ endDeadlineMs: 50 });
    const open = connect(other.server.port, "127.0.0.1");
    await once(open, "connect");
    await within(Promise.all([harness[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]), "the end");
    open.destroy();
  });

  it("resumes TLS sessions", async () => {
    await using harness = await startXdsHarness();
    const first = await tlsTo(harness);
    const [session] = (await within(once(first, "session"), "a ticket")) as [Buffer];
    first.destroy();
    const second = await tlsTo(harness, session);
    assert.equal(second.isSessionReused(), true);
    second.destroy();
  });

  it("drops a proxy that takes nothing, and goes on with the others", async () => {
    await using harness = await startXdsHarness({ limits: { ...defaultHttp2Limits, behind: 500 } });
    harness.publish(viewOf(1, { cluster: { a: "1" } }));
    using stuck = http2To(harness, { initialWindowSize: 0 });
    const { session } = stuck;
    const stream = session.request({
      ":method": "POST",
      ":path": method,
      "content-type": "application/grpc",
      authorization: "Bearer good-stuck",
    });
    stream.on("error", () => {});
    stream.write(clusterRequest);
    await using client = harness.connect("good-cart");
    client.request("cluster");
    client.ack(await client.next());
    await harness.reported("disconnected shop/stuck: does not take what is sent");
    harness.publish(viewOf(2, { cluster: { a: "2" } }));
    assert.deepEqual((await client.next()).resources, { a: "2" });
  });
});

function http2To(harness: XdsHarness, settings: Settings = {}): Disposable & { readonly session: ClientHttp2Session } {
  const url = `https://127.0.0.1:${harness.server.port}`;
  const session = connectHttp2(url, { ca: harness.roots, servername: serverName, settings });
  session.on("error", () => {});
  return { session, [Symbol.dispose]: () => session.destroy() };
}

async function tlsTo(harness: XdsHarness, session?: Buffer): Promise<TLSSocket> {
  const socket = connectTls({
    port: harness.server.port,
    host: "127.0.0.1",
    ca: harness.roots,
    servername: serverName,
    ALPNProtocols: ["h2"],
    ...(session === undefined ? {} : { session }),
  });
  socket.resume();
  await within(once(socket, "secureConnect"), "the handshake");
  return socket;
}
