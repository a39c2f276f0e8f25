import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { lastingPort } from "../../test/support/lasting-port.ts";

const program = fileURLToPath(new URL("main.ts", import.meta.url));
const crds = fileURLToPath(new URL("../../infra/kubernetes/crds", import.meta.url));
/** Each starts several processes, and machines are busy. */
const patience = { timeout: 300_000 };

function start(...flags: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
}

/** The line that a program prints when it is ready. */
async function ready(child: ChildProcess): Promise<{ pid: number; address: string; kubeconfig: string; part: string }> {
  const { stdout } = child;
  assert.ok(stdout !== null);
  const [chunk] = (await once(stdout, "data")) as [Buffer];
  return JSON.parse(chunk.toString("utf8"));
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

/** What a program says that cannot start. */
async function refusal(...flags: readonly string[]): Promise<{ code: number | null; said: string }> {
  const child = start(...flags);
  assert.ok(child.stderr !== null);
  const [said] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { code: child.exitCode, said };
}

function coreOf(file: string): CoreV1Api {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return config.makeApiClient(CoreV1Api);
}

describe("local:kubernetes", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "weft-main-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("keeps objects, versions and kubeconfig from run to run, also after a kill", patience, async () => {
    const dir = join(folder, "kept");
    const port = String(await lastingPort());
    const first = start("--output", "json", "--dir", dir, "--port", port, "--crds", crds);
    const line = await ready(first);
    assert.deepEqual([line.part, line.pid, line.kubeconfig], ["kubernetes", first.pid, join(dir, "kubeconfig")]);
    assert.equal(statSync(line.kubeconfig).mode & 0o777, 0o600);
    const before = await coreOf(line.kubeconfig).createNamespace({ body: { metadata: { name: "kept" } } });
    await stop(first, "SIGKILL");

    const second = start("--output", "json", "--dir", dir, "--port", port);
    await ready(second);
    const third = await refusal("--dir", dir);
    assert.match(third.said, /^local:kubernetes: the folder .* is in use by process \d+\n$/);
    const found = await coreOf(line.kubeconfig).readNamespace({ name: "kept" });
    assert.equal(found.metadata?.uid, before.metadata?.uid);
    const later = await coreOf(line.kubeconfig).createNamespace({ body: { metadata: { name: "later" } } });
    assert.ok(Number(later.metadata?.resourceVersion) > Number(before.metadata?.resourceVersion));
    assert.equal(await stop(second, "SIGTERM"), 0);
  });

  it("says how to connect, and leaves nothing behind", patience, async () => {
    const child = start();
    assert.ok(child.stdout !== null);
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    const [more] = chunk.includes("kubectl") ? [""] : ((await once(child.stdout, "data")) as [Buffer]);
    const said = `${chunk.toString("utf8")}${more.toString()}`;
    const file = /export KUBECONFIG=(\S+)/.exec(said)?.[1] ?? "";
    assert.match(readFileSync(file, "utf8"), /certificate-authority-data/);
    assert.equal(await stop(child, "SIGINT"), 0);
    assert.ok(!existsSync(file));
  });

  it("refuses in one line what it cannot do", patience, async () => {
    const running = start("--output", "json");
    const { address } = await ready(running);
    const { port } = new URL(address);
    const lines = [
      [["--port", port], `local:kubernetes: port ${port} is in use: choose another with --port\n`],
      [["--port", "http"], "local:kubernetes: --port http: must be a number from 0 to 65535\n"],
      [
        ["--service-cidr", "x"],
        "local:kubernetes: x is not an IPv4 range with 8 to 30 bits, for example 10.128.0.0/16\n",
      ],
    ] as const;
    for (const [flags, said] of lines) assert.deepEqual(await refusal(...flags), { code: 1, said });
    const unknown = await refusal("--prot", "1");
    assert.equal(unknown.code, 1);
    assert.match(unknown.said, /^local:kubernetes: Unknown option '--prot'.*\n$/);
    await stop(running, "SIGTERM");
  });
});

const kubectl = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((directory) => join(directory, "kubectl"))
  .find((file) => existsSync(file));

describe("kubectl on the stand-in", { skip: kubectl === undefined ? "no kubectl on PATH" : false }, () => {
  let folder: string;
  let server: ChildProcess;
  let kubeconfig: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "weft-kubectl-"));
    server = start("--output", "json", "--dir", folder, "--crds", crds);
    ({ kubeconfig } = await ready(server));
  });
  after(async () => {
    await stop(server, "SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  });

  const run = async (
    input: string,
    ...flags: readonly string[]
  ): Promise<{ code: number | null; out: string; err: string }> => {
    const home = { HOME: folder, KUBECONFIG: kubeconfig, PATH: process.env["PATH"] };
    const child = spawn(kubectl ?? "kubectl", flags, { env: home, stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.end(input);
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    return { code: child.exitCode, out, err };
  };

  it("creates, applies, reads, patches, describes and deletes", patience, async () => {
    assert.equal((await run("", "create", "namespace", "shop")).out, "namespace/shop created\n");
    assert.equal((await run("", "-n", "shop", "create", "serviceaccount", "app")).code, 0);
    const split = (weight: number): string =>
      [
        "apiVersion: split.smi-spec.io/v1alpha2",
        "kind: TrafficSplit",
        "metadata: { name: s, namespace: shop }",
        `spec: { service: store, backends: [{ service: v1, weight: ${weight} }] }`,
      ].join("\n");
    assert.match((await run(split(10), "apply", "-f", "-")).out, /trafficsplit.split.smi-spec.io\/s created/);
    assert.match((await run(split(10), "apply", "-f", "-")).out, /unchanged/);
    assert.match((await run(split(20), "apply", "-f", "-")).out, /configured/);
    assert.match((await run(split(20), "apply", "--server-side", "-f", "-")).out, /serverside-applied/);
    assert.match((await run("", "-n", "shop", "get", "ts")).out, /^NAME +SERVICE +AGE\ns +store +\d+s\n$/);
    const weight = await run(
      "",
      "-n",
      "shop",
      "get",
      "ts",
      "s",
      "-o",
      "jsonpath={.apiVersion} {.spec.backends[0].weight}",
    );
    assert.equal(weight.out, "split.smi-spec.io/v1alpha4 20");
    assert.equal((await run("", "-n", "shop", "label", "ts", "s", "a=b")).code, 0);
    assert.match((await run("", "-n", "shop", "describe", "ts", "s")).out, /Labels: +a=b/);
    assert.match((await run("", "-n", "shop", "create", "token", "app")).out, /^eyJ/);
    assert.equal((await run("", "delete", "namespace", "shop", "--timeout=30s")).code, 0);
    assert.match((await run("", "get", "namespace", "shop")).err, /namespaces "shop" not found/);
  });

  it("says what is wrong with an object", patience, async () => {
    const faulty = [
      "apiVersion: access.smi-spec.io/v1alpha3",
      "kind: TrafficTarget",
      "metadata: { name: t, namespace: default }",
      "spec: { destination: { kind: ServiceAccount }, sources: [], rules: [{ kind: Rule, name: r }] }",
    ].join("\n");
    const { code, err } = await run(faulty, "apply", "-f", "-");
    assert.equal(code, 1);
    assert.match(err, /\* spec.destination.name: Required value/);
    assert.match(
      err,
      /\* spec.rules\[0\].kind: Unsupported value: "Rule": supported values: "HTTPRouteGroup", "TCPRoute", "UDPRoute"/,
    );
    const misspelt = await run(`${faulty}\nspce: 1`, "apply", "-f", "-");
    assert.match(misspelt.err, /strict decoding error: unknown field "spce"/);
  });
});
