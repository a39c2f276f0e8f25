import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import { serverName, startXdsHarness, type XdsHarness } from "./harness.ts";
import { within } from "./within.ts";

/** What the server chose, or why it closed. */
async function offer({ server, roots }: XdsHarness, protocols: readonly string[]): Promise<string | false | null> {
  const socket = connect({
    port: server.port,
    host: "127.0.0.1",
    ca: roots,
    servername: serverName,
    ALPNProtocols: [...protocols],
  });
  try {
    await within(once(socket, "secureConnect"), "a handshake");
    return socket.alpnProtocol;
  } finally {
    socket.destroy();
  }
}

test("of the protocols that a proxy offers the server takes h2; who offers others alone is sent away", async () => {
  await using harness = await startXdsHarness();
  assert.equal(await offer(harness, ["http/1.1", "h2"]), "h2");
  assert.equal(await offer(harness, []), false);
  await assert.rejects(offer(harness, ["http/1.1"]), { code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL" });
});
