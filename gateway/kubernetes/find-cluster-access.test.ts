import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { validityFrom } from "../../shared/core/identity/renewal.ts";
import { makeRoot } from "../identity/authority-certificates.ts";
import type { ClusterAccess } from "./cluster-access.ts";
import { findClusterAccess, podAccess } from "./find-cluster-access.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-access-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const base64 = (text: string): string => Buffer.from(text).toString("base64");

async function writeConfig(cluster: object, user: object): Promise<string> {
  const path = join(folder, "kubeconfig");
  const config = {
    contexts: [
      { name: "other", context: { cluster: "nobody", user: "nobody" } },
      { name: "ours", context: { cluster: "c", user: "u" } },
    ],
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
    "current-context": "ours",
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

async function asked(access: ClusterAccess): Promise<{ readonly tls: Agent["options"]; readonly headers: unknown }> {
  const { agent, headers } = await access.requestOptions();
  assert.ok(agent instanceof Agent);
  return { tls: agent.options, headers };
}

test("findClusterAccess() takes the current context's address, trust and token", async () => {
  const path = await writeConfig(
    { server: "https://api:6443", "certificate-authority-data": base64("roots"), "tls-server-name": "kubernetes" },
    { token: "secret" },
  );
  const access = await findClusterAccess(path);
  assert.equal(access.server, "https://api:6443");
  const { tls, headers } = await asked(access);
  assert.deepEqual(headers, { authorization: "Bearer secret" });
  assert.equal(String(tls.ca), "roots");
  assert.equal(tls.servername, "kubernetes");
  assert.equal(tls.rejectUnauthorized, true);
});

test("findClusterAccess() reads files beside the kubeconfig", async () => {
  const { certificate, key } = makeRoot("one", validityFrom(Date.now(), 60_000));
  for (const [name, text] of Object.entries({ "ca.pem": certificate, "client.pem": certificate, "client.key": key }))
    await writeFile(join(folder, name), text);
  const path = await writeConfig(
    { server: "https://api:6443", "certificate-authority": "ca.pem" },
    { "client-certificate": "client.pem", "client-key": "client.key" },
  );
  const { tls, headers } = await asked(await findClusterAccess(path));
  assert.deepEqual([tls.ca, tls.cert, tls.key].map(String), [certificate, certificate, key]);
  assert.deepEqual(headers, {});
});

test("findClusterAccess() reads YAML", async () => {
  const path = join(folder, "yaml");
  await writeFile(
    path,
    `current-context: ours
contexts: [{name: ours, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://api", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: secret}}]
`,
  );
  const { tls, headers } = await asked(await findClusterAccess(path));
  assert.deepEqual(headers, { authorization: "Bearer secret" });
  assert.equal(tls.rejectUnauthorized, false);
});

test("findClusterAccess() leaves plug-ins to the client library", async () => {
  const answer = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: "from-plugin" },
  };
  const path = await writeConfig(
    { server: "https://api:6443" },
    { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "echo", args: [JSON.stringify(answer)] } },
  );
  const access = await findClusterAccess(path);
  const { headers } = await access.requestOptions();
  assert.deepEqual(headers, { Authorization: "Bearer from-plugin" });
});

test("podAccess() asks as the pod's account, at the address that the pod was told", async () => {
  await writeFile(join(folder, "ca.crt"), "roots");
  await writeFile(join(folder, "token"), "of-the-account\n");
  const access = await podAccess(folder, { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" });
  assert.equal(access.server, "https://[fd00::1]:443");
  assert.deepEqual((await asked(access)).headers, { authorization: "Bearer of-the-account" });
});
