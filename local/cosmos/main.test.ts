import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { CosmosClient } from "@azure/cosmos";

const timeout = 30_000;
const program = join(import.meta.dirname, "main.ts");

interface Ready {
  readonly part: string;
  readonly pid: number;
  readonly address: string;
  readonly connectionString: string;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...flags: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
}

/** The one line that the program prints when it is ready. */
async function readyLine(child: ChildProcess): Promise<Ready> {
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  return JSON.parse(line) as Ready;
}

async function ended(child: ChildProcess): Promise<Ended> {
  const texts = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk: Buffer) => (texts.stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (texts.stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...texts };
}

function clustersOf({ connectionString }: Ready, database = "weft") {
  return new CosmosClient(connectionString).database(database).container("clusters");
}

describe("npm run local:cosmos", { timeout }, () => {
  it("says where it is, serves the containers, and ends with 0 on SIGTERM and SIGINT", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const child = run("--port", "0", "--database", "other", "--output", "json");
      const ready = await readyLine(child);
      assert.equal(ready.part, "cosmos");
      assert.equal(ready.pid, child.pid);
      assert.match(ready.address, /^http:\/\/127\.0\.0\.1:\d+$/);
      const { statusCode } = await clustersOf(ready, "other").items.create({ id: "head", cluster: "a" });
      assert.equal(statusCode, 201);
      const end = ended(child);
      child.kill(signal);
      assert.equal((await end).code, 0);
    }
  });

  it("says in one line what is wrong with its flags or port, and ends with 1", async () => {
    const first = run("--port", "0", "--output", "json");
    try {
      const { address } = await readyLine(first);
      const port = new URL(address).port;
      for (const flags of [
        ["--port", port],
        ["--port", "many"],
        ["--prot", "1"],
        ["--output", "xml"],
      ]) {
        const { code, stdout, stderr } = await ended(run(...flags));
        assert.equal(code, 1);
        assert.equal(stdout, "");
        assert.match(stderr, /^cosmos: [^\n]+\n$/);
      }
    } finally {
      first.kill();
    }
  });

  it("keeps every acknowledged write through kill -9", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cosmos-"));
    const flags = ["--port", "0", "--dir", dir, "--output", "json"];
    try {
      const first = run(...flags);
      const writing = clustersOf(await readyLine(first));
      const acknowledged = new Map<string, string>();
      const end = ended(first);
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; ; n += 1) {
          const id = `${writer}-${n}`;
          const { etag } = await writing.items.create(
            { id, cluster: "a" },
            { abortSignal: AbortSignal.timeout(timeout) },
          );
          acknowledged.set(id, etag);
          if (acknowledged.size === 200) first.kill("SIGKILL");
        }
      });
      await Promise.allSettled(writers);
      await end;
      const second = run(...flags);
      const reading = clustersOf(await readyLine(second));
      const { resources } = await reading.items
        .readAll<{ id: string; _etag: string }>({ partitionKey: "a" })
        .fetchAll();
      const kept = new Map(resources.map(({ id, _etag }) => [id, _etag]));
      for (const [id, etag] of acknowledged) assert.equal(kept.get(id), etag, id);
      assert.ok(acknowledged.size >= 200);
      second.kill();
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
