import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { listen } from "../../shared/shell/listening-server.ts";
import { createAckMeter } from "./measure-acks.ts";

/** What the gateway's pages show. */
interface Gateway {
  picture: string;
  compiled: string;
  version: number;
  acknowledged: readonly number[];
  changes: readonly { readonly version: number; readonly last?: string }[];
}

async function startGateway(): Promise<{ readonly url: string; readonly state: Gateway } & AsyncDisposable> {
  const state: Gateway = { picture: "a", compiled: "a", version: 4, acknowledged: [4, 4], changes: [] };
  const pages: Readonly<Record<string, () => object>> = {
    "/debug/state": () => ({ state: state.picture }),
    "/debug/snapshot": () => ({ version: state.version, served: { state: state.compiled } }),
    "/debug/proxies": () => ({
      proxies: state.acknowledged.map((acknowledged, index) => ({ proxy: `proxy-${index}`, acknowledged })),
      changes: state.changes,
    }),
  };
  const server = createServer((request, response) => {
    const page = pages[request.url ?? ""];
    response.writeHead(page === undefined ? 404 : 200).end(JSON.stringify(page?.()));
  });
  const listening = await listen(server, { host: "127.0.0.1", port: 0 });
  return { ...listening, url: `http://127.0.0.1:${listening.port}`, state };
}

const { signal } = new AbortController();

function inMs(milliseconds: number): string {
  return new Date(Date.now() + milliseconds).toISOString();
}

void test("createAckMeter() takes the gateway's note of the last acknowledgement of a snapshot that holds the change", async () => {
  await using gateway = await startGateway();
  const measure = createAckMeter({ gatewayUrl: gateway.url, settleMs: 1 });
  const acknowledged = await measure(
    () => {
      Object.assign(gateway.state, {
        picture: "b",
        compiled: "b",
        version: 6,
        acknowledged: [6, 6],
        changes: [
          { version: 6, last: inMs(70) },
          { version: 5, last: inMs(40) },
          { version: 4, last: inMs(90_000) },
        ],
      });
      return Promise.resolve();
    },
    { proxies: 2, signal },
  );
  assert.deepEqual({ ...acknowledged, ackMs: 70 }, { ackMs: 70, version: 6, proxies: 2 });
  assert.ok(acknowledged.ackMs >= 70 && acknowledged.ackMs < 5_000, String(acknowledged.ackMs));
});

void test("createAckMeter() waits for rest where no snapshot was compiled from the gateway's picture", async () => {
  await using gateway = await startGateway();
  const measure = createAckMeter({ gatewayUrl: gateway.url, settleMs: 1, restMs: 20 });
  const { version } = await measure(
    () => {
      Object.assign(gateway.state, { picture: "c", compiled: "b", version: 5, acknowledged: [5, 5] });
      gateway.state.changes = [{ version: 5, last: inMs(1) }];
      return Promise.resolve();
    },
    { proxies: 2, signal },
  );
  assert.equal(version, 5);
});

void test("createAckMeter() says what is missing when the time is over", async () => {
  await using gateway = await startGateway();
  const measure = createAckMeter({ gatewayUrl: gateway.url, settleMs: 1, limitMs: 150 });
  const nothing = (): Promise<void> => Promise.resolve();
  await assert.rejects(measure(nothing, { proxies: 2, signal }), /no snapshot holds the change/);
  await assert.rejects(measure(nothing, { proxies: 3, signal }), /2 of 3 proxies are connected/);
  const late = (): Promise<void> => {
    Object.assign(gateway.state, { picture: "b", compiled: "b", version: 5, acknowledged: [5, 4] });
    return Promise.resolve();
  };
  await assert.rejects(measure(late, { proxies: 2, signal }), /proxy-1 is at version 4 of 5/);
});
