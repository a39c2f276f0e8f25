/** Under constant load: workload certificates are renewed and the root changes, and no request fails. */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import { authoritySecret, rotateRootAnnotation } from "../../gateway/identity/kubernetes-identity.ts";
import { readData } from "../../gateway/kubernetes/kept-data.ts";
import { localNamespace } from "../../local/names.ts";
import type { LoadCommand } from "../support/data-path/apps/commands.ts";
import { skip } from "../support/data-path/machine.ts";
import { account, meshConfig, meshConfigNamespace, namespace, pod, service } from "../support/data-path/objects.ts";
import { startTestMesh, type TestMesh } from "../support/data-path/test-mesh.ts";
import { untilAnswered } from "../support/data-path/test-pod.ts";
import { eventually } from "../support/eventually.ts";

const options = { skip, timeout: 300_000 };
/** Certificates are renewed every few seconds, and each phase of a change of the root takes a little over ten. */
const gatewayEnv = { WEFT_CERTIFICATE_MS: "10000" };
const host = "server.shop.svc.cluster.local";

let mesh: TestMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startTestMesh({ gatewayEnv });
  await mesh.apply([
    namespace(meshConfigNamespace, { meshed: false }),
    meshConfig({ permissive: true }),
    namespace("shop"),
    ...["server", "client", "late"].map((name) => account(`shop/${name}`)),
    service("shop/server", {
      selector: { app: "server" },
      ports: [
        { name: "http-web", port: 80, targetPort: 8080 },
        { name: "tcp-echo", port: 9000 },
      ],
    }),
    pod("shop/server", { account: "server", labels: { app: "server" }, listen: { 8080: "http", 9000: "echo" } }),
    pod("shop/client", { account: "client" }),
  ]);
});
after(() => mesh?.[Symbol.asyncDispose]());

/** Fingerprints of the roots that are trusted. */
async function trusted(): Promise<readonly string[]> {
  const published = await readData(mesh.client, { kind: "ConfigMap", namespace: localNamespace, name: "weft-roots" });
  const pems = published?.data["ca.crt"]?.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  return pems.map((pem) => new X509Certificate(pem).fingerprint256);
}

test("the root changes and certificates are renewed many times, and no request fails", options, async () => {
  const client = await mesh.pod("shop/client");
  const url = `http://${host}/`;
  const kinds: readonly Omit<LoadCommand, "pauseMs">[] = [
    { name: "kept", request: { kind: "http", url, keepAlive: true }, workers: 2 },
    { name: "new", request: { kind: "http", url }, workers: 1 },
    { name: "echo", request: { kind: "tcp", host, port: 9000, send: "hello" }, workers: 1 },
  ];
  for (const { request } of kinds) await untilAnswered(client, request, ["server"]);
  const loads = await Promise.all(kinds.map((kind) => client.startLoad({ ...kind, pauseMs: 10 })));
  const [before] = await trusted();
  await mesh.client.call({
    method: "PATCH",
    path: `/api/v1/namespaces/${localNamespace}/secrets/${authoritySecret}`,
    body: { metadata: { annotations: { [rotateRootAnnotation]: "now" } } },
  });
  await eventually("both roots are trusted", async () => (await trusted()).length === 2);
  const renewed = await untilOneRoot();
  assert.notEqual(renewed, before);
  await mesh.apply([pod("shop/late", { account: "late" })]);
  const late = await mesh.pod("shop/late");
  const [answer] = await late.http({ url });
  assert.equal(answer?.status, 200, "a pod that knows the new root alone");
  for (const load of loads) {
    const { failed, failures, total } = await load.stop();
    assert.equal(failed, 0, `${failed} of ${total}: ${failures.join("\n")}`);
    assert.ok(total >= 100, `${total} are too few to say anything`);
  }
});

/** Each of the two phases is shorter than `eventually` waits. */
async function untilOneRoot(): Promise<string> {
  const both = await trusted();
  await eventually(
    "the new root signs",
    async () => (await trusted())[0] !== both[0] || (await trusted()).length === 1,
  );
  return eventually("the root before is gone", async () => {
    const [root, ...others] = await trusted();
    return others.length === 0 && root;
  });
}
