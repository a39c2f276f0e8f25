import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { type AccessKey, rootKey } from "../../local/event-hubs/shared-access-key.ts";
import { type EventHubs, startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { bodies, code, createClients, HUB, hubs, options, read } from "./event-hubs-harness.ts";

/** Who may do what on the Event Hubs stand-in, by the unmodified SDK (spec azure.md §3.1, §6.8). */

const sendKey: AccessKey = { name: "gateway", key: "one", rights: ["send"] };
const listenKey: AccessKey = { name: "functions", key: "two", rights: ["listen"] };

const clients = createClients();
let server: EventHubs;

before(async () => {
  server = await startEventHubs({ hubs, keys: [rootKey, sendKey, listenKey] });
});
after(async () => {
  await clients[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const as = (key: AccessKey): { readonly connectionString: string } => ({
  connectionString: server.connectionStringFor(key),
});

/** A connection string with a token instead of a key, which ends at `expiry`, seconds since 1970. */
function withToken({ port }: EventHubs, expiry: number, key = rootKey): { readonly connectionString: string } {
  const resource = encodeURIComponent(`sb://127.0.0.1:${port}/${HUB}`);
  const signature = encodeURIComponent(createHmac("sha256", key.key).update(`${resource}\n${expiry}`).digest("base64"));
  const token = `SharedAccessSignature sr=${resource}&sig=${signature}&se=${expiry}&skn=${key.name}`;
  return {
    connectionString: `Endpoint=sb://127.0.0.1:${port}/;SharedAccessSignature=${token};UseDevelopmentEmulator=true`,
  };
}

describe("shared access", options, () => {
  test("a key that may send does not listen, and one that may listen does not send", async () => {
    const sender = clients.producer(as(sendKey));
    await sender.sendBatch([{ body: "sent" }], { partitionId: "0" });
    assert.equal((await sender.getPartitionIds()).length, 4);
    await using refused = read(clients.consumer(as(sendKey)), { partition: "0" });
    const error = await refused.failed;
    assert.equal(error.code, "UnauthorizedError");
    assert.match(error.message, /'Listen' claim\(s\) are required/);

    await using reader = read(clients.consumer(as(listenKey)), { partition: "0" });
    assert.deepEqual(bodies(await reader.seen(1)), ["sent"]);
    await assert.rejects(
      clients.producer(as(listenKey)).sendBatch([{ body: 1 }], { partitionId: "0" }),
      code("UnauthorizedError"),
    );
  });

  test("an unknown name, or a name with another's key, is refused", async () => {
    for (const key of [
      { ...sendKey, name: "stranger" },
      { ...sendKey, key: rootKey.key },
    ]) {
      await assert.rejects(clients.producer(as(key)).sendBatch([{ body: 1 }]), code("UnauthorizedError"));
    }
  });

  test("a token serves until it ends; then its links are closed and it opens no other", async () => {
    const now = Math.floor(Date.now() / 1000);
    const clock = createManualClock(now * 1000);
    await using other = await startEventHubs({ hubs, clock });
    const expired = clients.producer(withToken(other, now - 1));
    await assert.rejects(expired.sendBatch([{ body: 1 }]), code("UnauthorizedError"));

    const brief = clients.producer(withToken(other, now + 600));
    await brief.sendBatch([{ body: "in time" }], { partitionId: "1" });
    await using reader = read(clients.consumer(withToken(other, now + 900)), { partition: "1" });
    await reader.seen(1);
    // The brief one is closed before the reader's: a send on a link that its client does not know as closed waits for its answer.
    clock.pass(900_000);
    assert.equal((await reader.failed).code, "UnauthorizedError");
    await assert.rejects(brief.sendBatch([{ body: "late" }], { partitionId: "1" }));
    assert.equal(other.namespace.hubs.get(HUB)?.partitions[1]?.log.properties().lastSequenceNumber, 0);
  });

  test("the emulator's own connection string is taken as it is", async () => {
    assert.equal(
      server.connectionString,
      `Endpoint=sb://127.0.0.1:${server.port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;`,
    );
    const withHub = { connectionString: `${server.connectionString}EntityPath=${HUB}` };
    assert.equal((await clients.producer(withHub).getEventHubProperties()).name, HUB);
  });
});
