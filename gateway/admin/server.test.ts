import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { startAdminServer } from "./server.ts";

async function start(t: TestContext): Promise<number> {
  const server = await startAdminServer(
    { host: "127.0.0.1", port: 0 },
    {
      "/healthz": { about: "health", answer: () => ({ status: 200, json: { status: "ok" } }) },
      "/metrics": { about: "numbers", answer: async () => ({ status: 200, text: "a 1\n", contentType: "text/plain" }) },
      "/broken": { about: "throws", answer: () => Promise.reject(new Error("own fault")) },
    },
  );
  t.after(() => server[Symbol.asyncDispose]());
  return server.port;
}

test("pages answer as JSON or text; the index lists them", async (t) => {
  const base = `http://127.0.0.1:${await start(t)}`;
  const health = await fetch(`${base}/healthz?verbose=1`);
  assert.deepEqual(
    [health.status, health.headers.get("content-type"), await health.json()],
    [200, "application/json", { status: "ok" }],
  );
  assert.equal(await (await fetch(`${base}/metrics`)).text(), "a 1\n");
  for (const path of ["/", "/debug"])
    assert.match(await (await fetch(`${base}${path}`)).text(), /\/healthz {2}health\n\/metrics {2}numbers/);
});

test("what is not there, not GET, or fails says so, and harms nothing", async (t) => {
  const port = await start(t);
  const base = `http://127.0.0.1:${port}`;
  for (const [path, method, status] of [
    ["/nothing", "GET", 404],
    ["/constructor", "GET", 404],
    ["/healthz", "POST", 405],
    ["/broken", "GET", 500],
  ] as const)
    assert.equal((await fetch(`${base}${path}`, { method })).status, status, path);
  for (const target of ["//", "http://[", "*"]) {
    const socket = connect(port, "127.0.0.1");
    socket.end(`GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    assert.match(await text(socket), /^HTTP\/1\.1 (404|400)/, target);
  }
  assert.equal((await fetch(`${base}/healthz`)).status, 200);
});
