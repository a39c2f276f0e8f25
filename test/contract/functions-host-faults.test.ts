import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, watch } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EventHubProducerClient } from "@azure/event-hubs";
import { build } from "esbuild";
import { type EventHubs, startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import type { Recorded } from "../../local/functions-host/testdata/recording-app.ts";
import { lastingPort } from "../support/lasting-port.ts";

/** The Functions host as a process, with an app that dies, stands still, fails and has a neighbour (design.md §8). */

const timeout = 180_000;
const program = fileURLToPath(new URL("../../local/functions-host/main.ts", import.meta.url));
const entry = fileURLToPath(new URL("../../local/functions-host/testdata/recording-app.ts", import.meta.url));

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "functions-faults-"));
  await Promise.all(["old", "new"].map(buildVersion));
});
after(() => rm(folder, { recursive: true }));

async function buildVersion(version: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile: join(folder, `${version}.cjs`),
    bundle: true,
    platform: "node",
    format: "cjs",
    define: { VERSION: JSON.stringify(version) },
    external: ["@azure/functions-core"],
    logLevel: "error",
  });
}

interface Host extends AsyncDisposable {
  /** As by `kill -9`. */
  kill(): void;
  readonly address: string;
  readonly faults: string | undefined;
}

interface Stage extends AsyncDisposable {
  /** Sends one event for each number, in one batch. */
  send(partition: string, ...numbers: readonly number[]): Promise<void>;
  start(version: string, ...flags: readonly string[]): Promise<Host>;
  readonly record: () => readonly Recorded[];
  /** Resolves when the record is as wanted. */
  until(wanted: (record: readonly Recorded[]) => boolean): Promise<readonly Recorded[]>;
}

let stages = 0;

async function setStage(): Promise<Stage> {
  stages += 1;
  const file = join(folder, `record-${stages}`);
  const dir = join(folder, `host-${stages}`);
  await writeFile(file, "");
  const hubs: EventHubs = await startEventHubs({ hubs: [{ name: "events", partitionCount: 2 }] });
  const producer = new EventHubProducerClient(hubs.connectionString, "events");
  const record = (): Recorded[] =>
    existsSync(file)
      ? readFileSync(file, "utf8")
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Recorded)
      : [];
  return {
    record,
    async send(partitionId, ...numbers) {
      await producer.sendBatch(
        numbers.map((n) => ({ body: { n } })),
        { partitionId },
      );
    },
    async start(version, ...flags) {
      const args = [program, "--app", join(folder, `${version}.cjs`), "--dir", dir, "--output", "json", ...flags];
      const env = { ...process.env, HUB: hubs.connectionString, RECORD: file };
      const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
      child.stderr.resume();
      const { address, faults } = await firstLine(child);
      return {
        address,
        faults,
        kill: () => void child.kill("SIGKILL"),
        async [Symbol.asyncDispose]() {
          child.kill("SIGTERM");
          if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
        },
      };
    },
    async until(wanted) {
      const limit = AbortSignal.timeout(timeout);
      using changes = watching(file);
      for (; ; await changes.next(limit)) {
        const found = record();
        if (wanted(found)) return found;
      }
    },
    async [Symbol.asyncDispose]() {
      await producer.close();
      await hubs[Symbol.asyncDispose]();
    },
  };
}

interface Changes extends Disposable {
  next(limit: AbortSignal): Promise<unknown>;
}

function watching(file: string): Changes {
  const watcher = watch(file);
  return { next: (signal) => once(watcher, "change", { signal }), [Symbol.dispose]: () => watcher.close() };
}

async function firstLine(child: ChildProcess): Promise<{ readonly address: string; readonly faults?: string }> {
  assert.ok(child.stdout);
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return JSON.parse(line) as { readonly address: string; readonly faults?: string };
}

const plan = (...faults: readonly object[]): readonly string[] => ["--faults", JSON.stringify({ seed: 1, faults })];
const ends = (record: readonly Recorded[], n: number): number =>
  record.filter(({ phase, numbers }) => phase === "end" && numbers.includes(n)).length;
const begins = (record: readonly Recorded[], n: number): number =>
  record.filter(({ phase, numbers }) => phase === "begin" && numbers.includes(n)).length;

test("a worker killed between two awaits is started again at its address, and its batch comes again", {
  timeout,
}, async () => {
  await using stage = await setStage();
  const kills = plan({ fault: "kill", on: "invocation", at: [2, 3], awaits: 12 });
  await using host = await stage.start("old", "--port", String(await lastingPort()), ...kills);
  await stage.send("0", 1);
  await stage.until((record) => ends(record, 1) === 1);
  await stage.send("0", 2);
  const record = await stage.until((found) => ends(found, 2) === 1);
  assert.ok(begins(record, 2) > 1, "it began before it was killed");
  assert.equal(begins(record, 1), 1, "what has its checkpoint does not come again");
  assert.equal((await fetch(`${host.address}/admin/host/status`)).status, 200);
});

test("a worker killed before it could write its position does all of the batch again", { timeout }, async () => {
  await using stage = await setStage();
  const kills = plan({ fault: "kill", on: "checkpoint", at: [1] });
  await using _host = await stage.start("old", "--port", String(await lastingPort()), ...kills);
  await stage.send("0", 1, 2);
  // The two may come one by one, before the kill or after it.
  const record = await stage.until(([first, ...rest]) => {
    return first?.numbers.every((n) => ends([first, ...rest], n) === 2) === true;
  });
  for (const n of record[0]?.numbers ?? []) assert.equal(begins(record, n), 2);
});

test("two owners of a partition work on one batch at the same time", { timeout }, async () => {
  await using stage = await setStage();
  await using _host = await stage.start("old", ...plan({ fault: "two-owners", on: "invocation", at: [1] }));
  await stage.send("0", 1);
  const record = await stage.until((found) => ends(found, 1) === 2);
  assert.deepEqual(
    record.map(({ phase }) => phase),
    ["begin", "begin", "end", "end"],
  );
  assert.equal(new Set(record.map(({ invocation }) => invocation)).size, 2);
});

test("a batch that failed after all its effect has its checkpoint, and a restart does not bring it back", {
  timeout,
}, async () => {
  await using stage = await setStage();
  {
    await using _host = await stage.start("old", ...plan({ fault: "fail", on: "invocation", at: [1], effect: "all" }));
    await stage.send("0", 1);
    await stage.until((record) => ends(record, 1) === 1);
    await stage.send("0", 2);
    await stage.until((record) => ends(record, 2) === 1);
  }
  await using _again = await stage.start("old");
  await stage.send("0", 4);
  const record = await stage.until((found) => ends(found, 4) === 1);
  assert.equal(begins(record, 1), 1, "it has no retries, and is left behind");
});

test("a worker that stood still goes on, and the control port tells what befell it", { timeout }, async () => {
  await using stage = await setStage();
  await using host = await stage.start("old", "--control-port", "0");
  assert.ok(host.faults !== undefined);
  const faults = [{ fault: "stall", on: "invocation", at: [1], milliseconds: 500 }];
  await fetch(host.faults, { method: "PUT", body: JSON.stringify({ seed: 1, faults }) });
  const sent = performance.now();
  await stage.send("0", 1);
  await stage.until((record) => ends(record, 1) === 1);
  assert.ok(performance.now() - sent >= 500);
  const { history } = (await (await fetch(host.faults)).json()) as { readonly history: readonly unknown[] };
  assert.equal(history.length, 1);
});

test("an old and a new bundle share the partitions, and one takes over from the other's checkpoints", {
  timeout,
}, async () => {
  await using stage = await setStage();
  const versionOf = (record: readonly Recorded[], n: number): string | undefined =>
    record.find(({ phase, numbers }) => phase === "end" && numbers.includes(n))?.version;
  {
    await using _old = await stage.start("old", "--partitions", "0");
    await using _new = await stage.start("new", "--partitions", "1");
    await stage.send("0", 1);
    await stage.send("1", 2);
    const record = await stage.until((found) => ends(found, 1) === 1 && ends(found, 2) === 1);
    assert.deepEqual([versionOf(record, 1), versionOf(record, 2)], ["old", "new"]);
  }
  await using _all = await stage.start("new");
  await stage.send("0", 3);
  await stage.send("1", 4);
  const record = await stage.until((found) => ends(found, 3) === 1 && ends(found, 4) === 1);
  assert.deepEqual([versionOf(record, 3), versionOf(record, 4)], ["new", "new"]);
  assert.deepEqual([begins(record, 1), begins(record, 2)], [1, 1]);
});

test("a host killed with its worker is started again at its address and goes on from the checkpoint", {
  timeout,
}, async () => {
  await using stage = await setStage();
  const port = ["--port", String(await lastingPort())];
  const first = await stage.start("old", ...port);
  await stage.send("0", 1);
  await stage.until((record) => ends(record, 1) === 1);
  first.kill();
  await first[Symbol.asyncDispose]();
  await stage.send("0", 2);
  await using second = await stage.start("old", ...port);
  await stage.until((record) => ends(record, 2) === 1);
  assert.equal(second.address, first.address);
});
