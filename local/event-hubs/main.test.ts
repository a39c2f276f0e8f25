import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { EventHubProducerClient } from "@azure/event-hubs";

/** Of all together: each starts processes, and machines are busy. */
const options = { timeout: 300_000 };

interface Ready {
  readonly part: string;
  readonly pid: number;
  readonly address: string;
  readonly connectionString: string;
  readonly connectionStrings: Readonly<Record<string, string>>;
  readonly faults: string;
}

interface Run extends AsyncDisposable {
  readonly process: ChildProcess;
  /** The first line it prints. */
  firstLine(): Promise<string>;
  /** Exit code and all of stderr. */
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, [new URL("main.ts", import.meta.url).pathname, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const errors: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const ended = once(child, "close").then(([code]) => ({
    code: code as number | null,
    errors: Buffer.concat(errors).toString(),
  }));
  return {
    process: child,
    ended,
    async firstLine() {
      const early = ended.then(({ errors: text }) => Promise.reject(new Error(`ended early: ${text}`)));
      const [line] = (await Promise.race([once(createInterface(child.stdout), "line"), early])) as [string];
      return line;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function ready(started: Run): Promise<Ready> {
  return JSON.parse(await started.firstLine()) as Ready;
}

describe("npm run local:event-hubs", options, () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`tells how to connect, serves the default hubs and ends cleanly on ${signal}`, async () => {
      await using started = run("--port", "0", "--output", "json");
      const { part, pid, address, connectionString } = await ready(started);
      assert.equal(part, "event-hubs");
      assert.equal(pid, started.process.pid);
      assert.match(connectionString, new RegExp(`Endpoint=sb://${address};.*UseDevelopmentEmulator=true`));
      const producer = new EventHubProducerClient(connectionString, "mesh-events");
      assert.equal((await producer.getPartitionIds()).length, 4);
      started.process.kill(signal);
      assert.deepEqual(await started.ended, { code: 0, errors: "" });
      await producer.close();
    });
  }

  test("keeps what it accepted when it is killed", async (context) => {
    const dir = await mkdtemp(join(tmpdir(), "weft-hub-"));
    context.after(() => rm(dir, { recursive: true }));
    {
      await using first = run("--port", "0", "--dir", dir, "--output", "json");
      const producer = new EventHubProducerClient((await ready(first)).connectionString, "mesh-events");
      await producer.sendBatch([{ body: "a" }, { body: "b" }], { partitionId: "0" });
      first.process.kill("SIGKILL");
      await first.ended;
      await producer.close();
    }
    await using second = run("--port", "0", "--dir", dir, "--output", "json");
    const producer = new EventHubProducerClient((await ready(second)).connectionString, "mesh-events");
    assert.equal((await producer.getPartitionProperties("0")).lastEnqueuedSequenceNumber, 1);
    await producer.close();
  });

  test("has faults by flag and control port, and further keys", async () => {
    const plan = { seed: 1, faults: [{ fault: "duplicate", on: "send", at: [1] }] };
    const flags = ["--port", "0", "--output", "json", "--key", "gateway=send", "--control-port", "0"];
    await using started = run(...flags, "--faults", JSON.stringify(plan));
    const { connectionString, connectionStrings, faults } = await ready(started);
    assert.match(connectionStrings["gateway"] ?? "", /SharedAccessKeyName=gateway;SharedAccessKey=GATEWAY_KEY_VALUE/);
    const producer = new EventHubProducerClient(connectionString, "mesh-events");
    await producer.sendBatch([{ body: "twice" }], { partitionId: "0" });
    assert.equal((await producer.getPartitionProperties("0")).lastEnqueuedSequenceNumber, 1);
    const recreate = { fault: "recreate", on: "now", hub: "mesh-events" };
    assert.equal((await fetch(faults, { method: "POST", body: JSON.stringify(recreate) })).status, 200);
    assert.equal((await producer.getPartitionProperties("0")).isEmpty, true);
    const told = (await (await fetch(faults)).json()) as { readonly history: readonly unknown[] };
    assert.equal(told.history.length, 1);
    await producer.close();
  });

  test("prints for people what to connect with", async () => {
    await using started = run("--port", "0");
    assert.match(await started.firstLine(), /^Event Hubs stand-in at 127\.0\.0\.1:\d+ \(pid \d+\)/);
  });

  test("says in one line what is wrong, and exits with 1", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const cases: [string[], RegExp][] = [
      [["--port", String(port)], /the port is in use/],
      [["--port", "x"], /--port x is not a port number/],
      [["--key", "gateway=everything"], /--key gateway=everything/],
      [["--faults", '{"faults":[{"fault":"rain","on":"send"}]}'], /faults\.0\.fault/],
      [["--wrong"], /Unknown option '--wrong'/],
      [["--config", "/nowhere/Config.json"], /nowhere\/Config\.json/],
    ];
    for (const [args, expected] of cases) {
      await using started = run(...args);
      const { code, errors } = await started.ended;
      assert.equal(code, 1);
      assert.match(errors, expected);
      assert.equal(errors.trim().split("\n").length, 1);
    }
    taken.close();
  });
});
