import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { CosmosClient } from "@azure/cosmos";
import { credential, selfSigned, unsignedToken } from "./test-credentials.ts";

/** Of all together: each starts processes, and machines are busy. */
const timeout = 300_000;
const program = join(import.meta.dirname, "main.ts");

interface Ready {
  readonly part: string;
  readonly pid: number;
  readonly address: string;
  readonly connectionString: string;
  /** Of the control port, where there is one. */
  readonly faults?: string;
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
        ["--request-units", "none"],
        ["--tls-key", "key.pem"],
        ["--role", "gateway owner /"],
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

  it("keeps every acknowledged write through kill -9 in the middle of a compaction", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cosmos-"));
    const flags = ["--port", "0", "--dir", dir, "--output", "json"];
    try {
      const first = run(...flags);
      const writing = clustersOf(await readyLine(first));
      const acknowledged = new Map<string, string>();
      const text = "x".repeat(500_000);
      const end = ended(first);
      // The log that a compaction begins is there before its snapshot is.
      const compacting = () =>
        readdirSync(dir, { recursive: true, encoding: "utf8" }).some((name) => name.endsWith("log-2.jsonl"));
      for (let n = 0; !compacting(); n += 1) {
        const id = String(n);
        acknowledged.set(id, (await writing.items.create({ id, cluster: "a", text })).etag);
      }
      first.kill("SIGKILL");
      await end;
      const second = run(...flags);
      const reading = clustersOf(await readyLine(second));
      const { resources } = await reading.items
        .query<{ id: string; _etag: string }>("SELECT c.id, c._etag FROM c", { partitionKey: "a" })
        .fetchAll();
      assert.deepEqual(new Map(resources.map(({ id, _etag }) => [id, _etag])), acknowledged);
      assert.ok(acknowledged.size > 16);
      second.kill();
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  it("does what a plan of faults says, and takes another one while it runs", async () => {
    const plan = { faults: [{ fault: "refused", on: "write", status: 503 }] };
    const child = run("--port", "0", "--faults", JSON.stringify(plan), "--control-port", "0", "--output", "json");
    try {
      const ready = await readyLine(child);
      const clusters = clustersOf(ready);
      const create = (id: string) => clusters.items.create({ id, cluster: "a" });
      await assert.rejects(create("a"), { code: 503 });
      const faults = ready.faults ?? "";
      const put = await fetch(faults, { method: "PUT", body: JSON.stringify({ faults: [] }) });
      assert.equal(put.status, 200);
      await create("a");
      const longAgo = 3_600_000;
      const restore = { fault: "restore", on: "any", milliseconds: longAgo };
      assert.equal((await fetch(faults, { method: "POST", body: JSON.stringify(restore) })).status, 200);
      assert.equal((await clusters.item("a", "a").read()).statusCode, 404);
      const lost = { fault: "answer-lost", on: "any" };
      assert.equal((await fetch(faults, { method: "POST", body: JSON.stringify(lost) })).status, 400);
    } finally {
      child.kill();
    }
    const wrong = await ended(run("--faults", '{ "faults": [{ "fault": "rain", "on": "any" }] }'));
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /^cosmos: faults\.0[^\n]+\n$/);
  });

  it("speaks TLS with a key and a certificate, to identities with a role", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cosmos-"));
    const { key, cert } = selfSigned();
    const [keyFile, certFile] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    await writeFile(keyFile, key);
    await writeFile(certFile, cert);
    const role = ["--role", "gateway reader /dbs/weft/colls/clusters"];
    const child = run("--port", "0", "--tls-key", keyFile, "--tls-cert", certFile, ...role, "--output", "json");
    const agent = new Agent({ ca: cert, keepAlive: true });
    try {
      const { address } = await readyLine(child);
      assert.match(address, /^https:/);
      const client = new CosmosClient({
        endpoint: address,
        aadCredentials: credential(unsignedToken({ oid: "gateway" })),
        agent,
        connectionPolicy: { enableEndpointDiscovery: false },
      });
      const read = (container: string) => client.database("weft").container(container).item("a", "a").read();
      assert.equal((await read("clusters")).statusCode, 404);
      await assert.rejects(read("changes"), { code: 403, substatus: 5302 });
      client.dispose();
    } finally {
      agent.destroy();
      child.kill();
      await rm(dir, { recursive: true, force: true });
    }
  });
});
