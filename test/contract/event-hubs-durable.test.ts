import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EventHubProducerClient } from "@azure/event-hubs";
import { lastingPort } from "../support/lasting-port.ts";
import { createClients, HUB, options, read } from "./event-hubs-harness.ts";

/** Nothing that the Event Hubs stand-in acknowledged is lost when its process is killed, whatever it was doing. */

const program = fileURLToPath(new URL("../../local/event-hubs/main.ts", import.meta.url));

interface Served extends AsyncDisposable {
  readonly connectionString: string;
  /** As by `kill -9`. */
  kill(): Promise<void>;
}

async function serve(dir: string, port = 0): Promise<Served> {
  const args = [program, "--port", String(port), "--dir", dir, "--output", "json"];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  assert.ok(child.stdout);
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { connectionString } = JSON.parse(line) as { connectionString: string };
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  return { connectionString, kill, [Symbol.asyncDispose]: kill };
}

async function folder(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "weft-hub-"));
  context.after(() => rm(dir, { recursive: true }));
  return dir;
}

/** As long as a slow disk may need. */
const patient = { maxRetries: 0, timeoutInMs: 60_000 };

test(
  "a process killed in the middle of sends keeps every batch that it acknowledged, and none in part",
  options,
  async (context) => {
    const dir = await folder(context);
    const acknowledged = new Set<number>();
    for (let round = 0; round < 3; round += 1) {
      await using served = await serve(dir);
      const producer = new EventHubProducerClient(served.connectionString, HUB, { retryOptions: patient });
      const enough = Promise.withResolvers<void>();
      const stop = new AbortController();
      const sendOn = async (lane: number): Promise<void> => {
        for (let index = 0; !stop.signal.aborted; index += 1) {
          const batch = round * 1_000_000 + lane * 100_000 + index;
          try {
            const events = ["a", "b", "c"].map((part) => ({ body: { batch, part, padding: "x".repeat(5_000) } }));
            // The SDK does not see that nobody will answer any more.
            await producer.sendBatch(events, { partitionId: "0", abortSignal: stop.signal });
            acknowledged.add(batch);
            if (index === 20) enough.resolve();
          } catch {
            return; // its process is gone; whether this batch is kept nobody knows
          }
        }
      };
      const lanes = Array.from({ length: 8 }, (_, lane) => sendOn(lane));
      await enough.promise;
      await served.kill();
      stop.abort();
      await Promise.all(lanes);
      await producer.close();
    }
    await using served = await serve(dir);
    await using clients = createClients();
    const properties = await clients.producer(served).getPartitionProperties("0");
    await using reader = read(clients.consumer(served), { partition: "0" });
    const events = await reader.seen(properties.lastEnqueuedSequenceNumber + 1);
    const partsOf = new Map<number, string>();
    for (const { body } of events) {
      const { batch, part } = body as { batch: number; part: string };
      partsOf.set(batch, `${partsOf.get(batch) ?? ""}${part}`);
    }
    for (const batch of acknowledged) assert.equal(partsOf.get(batch), "abc", `batch ${batch}`);
    for (const [batch, parts] of partsOf) assert.equal(parts, "abc", `batch ${batch}`);
    assert.ok(acknowledged.size >= 60);
  },
);

test("a torn tail is cut, and what comes next follows what was whole", options, async (context) => {
  const dir = await folder(context);
  {
    await using served = await serve(dir);
    await using clients = createClients();
    await clients.producer(served).sendBatch([{ body: "whole" }], { partitionId: "0" });
    await served.kill();
  }
  const partition = join(dir, HUB, "0");
  const [segment = ""] = await readdir(partition);
  await appendFile(join(partition, segment), Buffer.from([0, 0, 0, 99, 1, 2, 3]));
  await using served = await serve(dir);
  await using clients = createClients();
  await clients.producer(served).sendBatch([{ body: "next" }], { partitionId: "0" });
  await using reader = read(clients.consumer(served), { partition: "0" });
  assert.deepEqual(
    (await reader.seen(2)).map(({ body, sequenceNumber }) => [body, sequenceNumber]),
    [
      ["whole", 0],
      ["next", 1],
    ],
  );
});

test("a sender that retries gets over a restart", options, async (context) => {
  const dir = await folder(context);
  const port = await lastingPort();
  const first = await serve(dir, port);
  const retryOptions = { maxRetries: 30, retryDelayInMs: 100, maxRetryDelayInMs: 500, timeoutInMs: 3_000 };
  const producer = new EventHubProducerClient(first.connectionString, HUB, { retryOptions });
  await producer.sendBatch([{ body: "before" }], { partitionId: "0" });
  await first.kill();
  const during = producer.sendBatch([{ body: "during" }], { partitionId: "0" });
  await using second = await serve(dir, port);
  await during;
  await using clients = createClients();
  await using reader = read(clients.consumer(second), { partition: "0" });
  // An attempt that had no answer in time may have arrived all the same.
  const bodies = (await reader.seen(2)).map(({ body }) => body as string);
  assert.deepEqual([bodies[0], ...new Set(bodies.slice(1))], ["before", "during"]);
  await producer.close();
});
