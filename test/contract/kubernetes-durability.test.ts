import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ApiClient, createApiClient } from "./kubernetes/api-client.ts";

const program = resolve(import.meta.dirname, "../../local/kubernetes/main.ts");
const configMaps = "/api/v1/namespaces/default/configmaps";
/** So large that snapshots are written in the middle of the writes, too. */
const ballast = "x".repeat(300_000);

interface Server {
  readonly child: ChildProcess;
  readonly api: ApiClient;
}

async function start(dir: string, ...flags: readonly string[]): Promise<Server> {
  const child = spawn(process.execPath, [program, "--output", "json", "--dir", dir, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { kubeconfig } = JSON.parse(line.toString("utf8")) as { kubeconfig: string };
  return { child, api: await createApiClient(readFileSync(kubeconfig, "utf8")) };
}

async function kill({ child }: Server): Promise<void> {
  child.kill("SIGKILL");
  if (child.signalCode === null && child.exitCode === null) await once(child, "exit");
}

/** What a writer knows of its object: what was acknowledged, and what it asked for last without an answer. */
interface Known {
  readonly name: string;
  acknowledged: { count: string; version: number } | undefined;
  asked: string | undefined;
}

/** Creates, counts up and deletes one object again and again, until the server is gone. */
async function write(api: ApiClient, known: Known, acknowledged: () => void): Promise<void> {
  const path = `${configMaps}/${known.name}`;
  for (let count = 1; ; count += 1) {
    known.asked = count % 5 === 0 ? undefined : String(count);
    const data = { count: String(count), ballast };
    try {
      const deleting = known.asked === undefined;
      const creating = known.acknowledged === undefined;
      const answer = await (deleting
        ? api.delete(path)
        : creating
          ? api.post(configMaps, { metadata: { name: known.name }, data })
          : api.patch(path, "merge", { data }));
      assert.ok(answer.code < 300, JSON.stringify(answer.body.at("message")));
      const version = Number(answer.body.at("metadata", "resourceVersion") ?? known.acknowledged?.version);
      known.acknowledged = deleting ? undefined : { count: String(count), version };
      acknowledged();
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return; // killed
    }
  }
}

describe("the Kubernetes stand-in, killed in the middle of writes", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "weft-kubernetes-kill-"));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("has lost nothing that it acknowledged, and gives no version twice", { timeout: 240_000 }, async () => {
    let newest = 0;
    for (const round of [0, 1, 2]) {
      const server = await start(dir);
      const writers = Array.from({ length: 6 }, (_, index): Known => {
        return { name: `w${round}-${index}`, acknowledged: undefined, asked: undefined };
      });
      let left = 80 + round * 17;
      const enough = Promise.withResolvers<void>();
      const done = writers.map((each) =>
        write(server.api, each, () => {
          left -= 1;
          if (left === 0) enough.resolve();
        }),
      );
      await Promise.race([enough.promise, ...done]);
      await kill(server);
      await Promise.all(done);
      newest = Math.max(newest, ...writers.map(({ acknowledged }) => acknowledged?.version ?? 0));

      const restarted = await start(dir);
      for (const { name, acknowledged, asked } of writers) {
        const { code, body } = await restarted.api.get(`${configMaps}/${name}`);
        const found = code === 404 ? undefined : body.at("data", "count");
        assert.ok(found === acknowledged?.count || found === asked, `${name}: ${String(found)}`);
        const version = Number(body.at("metadata", "resourceVersion"));
        if (found !== undefined && found === acknowledged?.count) assert.equal(version, acknowledged.version);
      }
      const list = await restarted.api.get(configMaps);
      const version = list.body.text("metadata", "resourceVersion");
      assert.ok(Number(version) >= newest, `${version} after ${newest}`);
      // A watch goes on from the newest version; what happened between older ones went with the process.
      await using stream = await restarted.api.watch(`${configMaps}?watch=1&resourceVersion=${version}`);
      const made = await restarted.api.post(configMaps, { metadata: { name: `after-${round}` } });
      assert.ok(Number(made.body.text("metadata", "resourceVersion")) > newest);
      assert.equal((await stream.next()).object.at("metadata", "name"), `after-${round}`);
      await using old = await restarted.api.watch(`${configMaps}?watch=1&resourceVersion=${newest - 20}`);
      assert.equal((await old.next()).object.at("code"), 410);
      newest = Number(made.body.text("metadata", "resourceVersion"));
      await kill(restarted);
    }
  });

  it("keeps a store that was set back as it was set back", { timeout: 120_000 }, async () => {
    const server = await start(dir);
    await server.api.post(configMaps, { metadata: { name: "taken-back" } });
    await kill(server);
    const plan = '{"faults":[{"fault":"restore","on":"write","changes":1,"at":[2]}]}';
    const faulty = await start(dir, "--faults", plan);
    const { api } = faulty;
    await api.delete(`${configMaps}/taken-back`);
    // The second write finds the store as it was before the first.
    const second = await api.patch(`${configMaps}/taken-back`, "merge", { data: { at: "2" } });
    assert.equal(second.code, 200);
    await kill(faulty);
    const restarted = await start(dir);
    const found = await restarted.api.get(`${configMaps}/taken-back`);
    assert.deepEqual(found.body.value, second.body.value);
    await kill(restarted);
  });
});
