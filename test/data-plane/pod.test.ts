/** Pods of the local data plane with real namespaces, real interception rules and a real Envoy. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildBootstrap, buildTokenSecret, TOKEN_FILE, TOKEN_SECRET_FILE } from "../../gateway/inject/bootstrap.ts";
import { OSM_PROXY_UUID_LABEL, PROXY_UUID_LABEL } from "../../gateway/inject/marks.ts";
import { describeProxy } from "../../local/data-plane/describe-proxy.ts";
import { listNamespaces } from "../../local/data-plane/node-network.ts";
import { removeLeftOvers } from "../../local/data-plane/reserve-node.ts";
import { runCommand } from "../../local/data-plane/run-command.ts";
import { setUp } from "../../local/data-plane/setup.ts";
import { startDataPlane } from "../../local/data-plane/start-data-plane.ts";
import { createAuthority } from "../../local/kubernetes/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { create, getPod, isReady, type LocalCluster, startLocalCluster } from "./local-pods.ts";
import { startXdsListener, type XdsListener } from "./xds-listener.ts";

const found = await setUp({ environment: process.env, report: () => {} });
const skip = found.ok ? false : found.problems.join("; ");
const options = { skip, timeout: 300_000 };
const XDS_NAME = "weft-gateway.weft-system.svc.cluster.local";

/** Answers with its name and the caller's address. */
const SERVER = `require("http").createServer((q, s) => s.end("web sees " + q.socket.remoteAddress)).listen(8080)`;
/** Fetches or looks up what it is asked to. */
const CLIENT = `const dns = require("dns").promises;
  require("http").createServer(async (q, s) => {
    const url = new URL(q.url, "http://x"), target = url.searchParams.get("of");
    try {
      if (url.pathname === "/lookup") s.end(JSON.stringify((await dns.lookup(target, { all: true })).map((a) => a.address)));
      else s.end(await (await fetch(target)).text());
    } catch (e) { s.end("failed: " + (e.cause?.code ?? e.code)); }
  }).listen(8080)`;
/** Says once and again how a call to the unmeshed server ends. */
const CALLER = `const go = async () => { try { console.log("reached", await (await fetch("http://web.plain")).text()) } catch (e) { console.log("failed", e.cause?.code) } };
  setInterval(go, 200); require("http").createServer((q, s) => s.end("meshed")).listen(8080)`;

function pod(key: string, program: string, extra = ""): string {
  const [namespace, name] = key.split("/");
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: none
    command: [node, -e, ${JSON.stringify(program)}]
    ports: [{ name: http, containerPort: 8080 }]
    ${extra}
`;
}

const PROBE = "readinessProbe: { httpGet: { path: /, port: http } }";
const NAMESPACES = `
apiVersion: v1
kind: Namespace
metadata: { name: plain }
---
apiVersion: v1
kind: Namespace
metadata: { name: weft-system }
---
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: { openservicemesh.io/monitored-by: osm }
  annotations: { openservicemesh.io/sidecar-injection: enabled }
`;
const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: plain }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Service
metadata: { name: web-pods, namespace: plain }
spec: { clusterIP: None, selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Service
metadata: { name: empty, namespace: plain }
spec: { selector: { app: nobody }, ports: [{ port: 80 }] }
`;

/** The Service of the gateway as a cluster with the gateway outside of it has it: no selector, a slice by hand. */
function gatewayService(address: string, port: number): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: weft-gateway, namespace: weft-system }
spec: { ports: [{ name: xds, port: 15128 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: weft-gateway-1, namespace: weft-system, labels: { kubernetes.io/service-name: weft-gateway } }
addressType: IPv4
endpoints: [{ addresses: ["${address}"], conditions: { ready: true } }]
ports: [{ name: xds, port: ${port}, protocol: TCP }]
`;
}

let cluster: LocalCluster;
let xds: XdsListener;
const parts = new AsyncDisposableStack();
let ended = false;

before(async () => {
  if (!found.ok) return;
  cluster = parts.use(await startLocalCluster());
  xds = parts.use(await startXdsListener(cluster.node.gatewayAddress, XDS_NAME));
  await create(cluster.client, NAMESPACES);
  const address = {
    host: XDS_NAME,
    port: 15_128,
    serverName: XDS_NAME,
    rootCertificatesPem: xds.rootCertificatesPem,
  };
  const dataPlane = await startDataPlane({
    kubeconfig: cluster.kubeconfig,
    node: cluster.node,
    envoyBinary: await closedCopy(found.envoy, cluster.folder),
    bootstrap: (of) => describeProxy(of, address),
    logDir: join(cluster.folder, "logs"),
    settings: { tokenSeconds: 600, tokenRenewAt: 0.002, restart: { firstMs: 100, mostMs: 1_000 } },
    report: () => {},
  });
  parts.use(dataPlane);
});
after(async () => {
  if (!ended) await parts.disposeAsync();
});

const logs = (container: string): Promise<string> => readFile(join(cluster.folder, "logs", container), "utf8");
const ready = (key: string): Promise<string> =>
  eventually(`${key} becomes ready`, async () => {
    const seen = await getPod(cluster.client, key);
    return isReady(seen) && seen?.status.podIP;
  });
const viaClient = async (path: "fetch" | "lookup", of: string): Promise<string> => {
  const address = await ready("plain/client");
  return (await fetch(`http://${address}:8080/${path}?of=${encodeURIComponent(of)}`)).text();
};

test(
  "a pod without sidecar reaches a Service by name, and the server sees the pod's own address",
  options,
  async () => {
    await create(cluster.client, SERVICES);
    await create(cluster.client, pod("plain/web", SERVER, PROBE));
    await create(cluster.client, pod("plain/client", CLIENT, "readinessProbe: { tcpSocket: { port: 8080 } }"));
    await ready("plain/web");
    const client = await ready("plain/client");
    const answer = await eventually("the Service answers", async () => {
      const text = await viaClient("fetch", "http://web");
      return text.startsWith("web sees") && text;
    });
    assert.equal(answer, `web sees ::ffff:${client}`);
  },
);

test("a Service without endpoints and an unused address refuse at once", options, async () => {
  assert.equal(await viaClient("fetch", "http://empty"), "failed: ECONNREFUSED");
  assert.equal(
    await viaClient("fetch", `http://${cluster.node.serviceCidr.replace(".0.0/16", ".255.254")}`),
    "failed: ECONNREFUSED",
  );
});

test("a pod reaches itself through its Service", options, async () => {
  await create(
    cluster.client,
    "{ apiVersion: v1, kind: Service, metadata: { name: client, namespace: plain }, spec: { selector: { app: client }, ports: [{ port: 8080 }] } }",
  );
  await eventually("the pod answers itself", async () => {
    return (await viaClient("fetch", "http://client:8080/lookup?of=localhost")).includes("127.0.0.1");
  });
});

test("names: Service, headless Service, unknown", options, async () => {
  const web = await ready("plain/web");
  assert.match(await viaClient("lookup", "web.plain.svc.cluster.local"), /^\["10\.1[234]\d\./);
  await eventually(
    "the headless name has the pod",
    async () => (await viaClient("lookup", "web-pods")) === `["${web}"]`,
  );
  assert.equal(await viaClient("lookup", "web.shop"), "failed: ENOTFOUND");
});

test("a crashed container is started again", options, async () => {
  await create(cluster.client, pod("plain/crasher", "setTimeout(() => process.exit(3), 50)"));
  await eventually("a restart is counted", async () => {
    const status = (await getPod(cluster.client, "plain/crasher"))?.status.containerStatuses?.[0];
    return (status?.restartCount ?? 0) >= 2;
  });
});

test("a container that cannot run here says why", options, async () => {
  const text = pod("plain/image-only", "").replace(/\n\s+command:.*/, "");
  await create(cluster.client, text);
  await eventually("the reason is in its status", async () => {
    const state = (await getPod(cluster.client, "plain/image-only"))?.status.containerStatuses?.[0]?.state;
    return state?.["waiting"]?.message?.includes("has no command");
  });
});

test("a bad annotation keeps a pod from running, and the status names it", options, async () => {
  const annotated = pod("shop/mistaken", SERVER).replace(
    "labels:",
    "annotations: { openservicemesh.io/sidecar-injection: maybe }, labels:",
  );
  await create(cluster.client, annotated);
  await eventually("the reason is in its status", async () => {
    return (await getPod(cluster.client, "shop/mistaken"))?.status.message?.includes(`is "maybe"`);
  });
});

test(
  "a meshed pod: marked, Envoy as user 1500 from a closed folder, traffic of both directions intercepted",
  options,
  async () => {
    await create(cluster.client, pod("shop/meshed", CALLER));
    const seen = await eventually("the pod has an address", async () => {
      const now = await getPod(cluster.client, "shop/meshed");
      return now?.status.podIP === undefined ? undefined : now;
    });
    assert.match(seen.metadata.labels?.[OSM_PROXY_UUID_LABEL] ?? "", /^[0-9a-f-]{36}$/);
    assert.equal(seen.metadata.labels?.[PROXY_UUID_LABEL], seen.metadata.labels?.[OSM_PROXY_UUID_LABEL]);

    const namespace = await podNamespace(cluster, seen.metadata.uid);
    const envoy = await eventually("Envoy runs", () => processIn(namespace, "/envoy\0"));
    assert.match(await readFile(`/proc/${envoy}/status`, "utf8"), /^Uid:\s1500\s1500\s1500\s1500$/m);

    // Envoy has no listeners yet, so what interception catches is refused, where a pod without sidecar is served.
    await eventually("the call is caught", async () =>
      (await logs("shop_meshed_app.log")).includes("failed ECONNREFUSED"),
    );
    assert.doesNotMatch(await logs("shop_meshed_app.log"), /reached/);
    const counted = await runCommand(["ip", "netns", "exec", namespace, "iptables-save", "-c", "-t", "nat"]);
    assert.match(counted, /^\[[1-9]\d*:\d+\] -A OSM_PROXY_OUT_REDIRECT -p tcp -j REDIRECT --to-ports 15001$/m);
    assert.equal(await dial(seen.status.podIP ?? "", 8080), "ECONNREFUSED");
    const now = await getPod(cluster.client, "shop/meshed");
    assert.equal(isReady(now), false, "not ready before Envoy is");
  },
);

test(
  "its token arrives at the gateway over TLS and is renewed on disk, and Envoy shows the new one",
  options,
  async () => {
    await create(cluster.client, gatewayService(cluster.node.gatewayAddress, xds.port));
    const seen = await getPod(cluster.client, "shop/meshed");
    const stream = await eventually("the sidecar comes", async () => xds.seen[0]);
    assert.equal(stream.path, "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources");
    assert.equal(stream.from, seen?.status.podIP);
    const claims = tokenClaims(stream.authorization);
    assert.deepEqual(claims.aud, ["weft-xds"]);
    assert.equal(claims["kubernetes.io"].pod.uid, seen?.metadata.uid);

    const file = `${cluster.node.runDir}/pods/${seen?.metadata.uid}/token/token`;
    const { uid, mode } = await stat(file);
    assert.deepEqual([uid, mode & 0o777], [1500, 0o600]);
    await eventually("another token is on disk and on the stream", async () => {
      xds.disconnectAll();
      const last = xds.seen.at(-1)?.authorization;
      return last !== stream.authorization && last !== undefined;
    });
  },
);

test("a deleted pod leaves nothing behind", options, async () => {
  const seen = await getPod(cluster.client, "shop/meshed");
  const namespace = await podNamespace(cluster, seen?.metadata.uid ?? "");
  await cluster.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/meshed" });
  await eventually("the pod is gone", async () => (await getPod(cluster.client, "shop/meshed")) === undefined);
  await eventually("its namespace is gone", async () => !(await listNamespaces()).includes(namespace));
  await eventually("its files are gone", async () => {
    return !(await readdir(`${cluster.node.runDir}/pods`)).includes(seen?.metadata.uid ?? "");
  });
});

test("disposing removes every namespace, link and file", options, async () => {
  const { namespace, runDir, link } = cluster.node;
  ended = true;
  await parts.disposeAsync();
  assert.deepEqual(await remains(namespace), []);
  await assert.rejects(stat(runDir));
  await assert.rejects(stat(`/sys/class/net/${link}`));
});

test("the bootstrap is accepted by Envoy, by name and by address", options, async () => {
  if (!found.ok) return;
  await using cleaning = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "weft-bootstrap-"));
  cleaning.defer(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, TOKEN_SECRET_FILE), JSON.stringify(buildTokenSecret(folder)));
  await writeFile(join(folder, TOKEN_FILE), "token");
  for (const xdsHost of [XDS_NAME, "172.29.0.1"]) {
    const bootstrap = buildBootstrap({
      nodeId: "shop/cart/1",
      nodeCluster: "cart.shop",
      metadata: { weft: "test" },
      xdsHost,
      xdsPort: 15_128,
      xdsServerName: XDS_NAME,
      rootCertificatesPem: createAuthority().certificate,
      tokenDirectory: folder,
      adminSocketPath: join(folder, "admin.sock"),
    });
    await writeFile(join(folder, "bootstrap.json"), JSON.stringify(bootstrap));
    const printed = await runCommand([found.envoy.path, "--mode", "validate", "-c", join(folder, "bootstrap.json")]);
    assert.match(printed, /OK/);
  }
});

test("takes its processes with it, and what is left is removed by its run directory", options, async () => {
  await using cluster = await startLocalCluster();
  await create(cluster.client, NAMESPACES);
  const config = join(cluster.folder, "config.json");
  const xds = { host: "127.0.0.1", port: 1, serverName: XDS_NAME, rootCertificatesPem: "" };
  await writeFile(config, JSON.stringify({ kubeconfig: cluster.kubeconfig, xds }));
  const main = fileURLToPath(new URL("../../local/data-plane/main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, "--config", config, "--output", "json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const said = JSON.parse(line) as { part: string; pid: number; address: string };
  assert.deepEqual([said.part, said.pid], ["data-plane", child.pid]);
  await create(cluster.client, pod("plain/web", SERVER));
  await eventually("the pod is ready", async () => isReady(await getPod(cluster.client, "plain/web")));

  const index = said.address.split(".")[2];
  const namespaces = await remains(`weft${index}`);
  assert.equal(namespaces.length, 2);
  const runDir = `/run/weft/node-${index}`;
  assert.equal(await removeLeftOvers(runDir), false, "a living data plane is left alone");
  child.kill("SIGKILL");
  await once(child, "exit");
  for (const namespace of namespaces) {
    await eventually(`${namespace} is without processes`, async () => {
      return (await runCommand(["ip", "netns", "pids", namespace])).trim() === "";
    });
  }
  assert.equal(await removeLeftOvers(runDir), true);
  assert.deepEqual(await remains(`weft${index}`), []);
  await assert.rejects(stat(runDir));
});

/** Envoy in a folder that only root may enter, as in a clone under root's home. */
async function closedCopy(
  envoy: { path: string; version: string },
  folder: string,
): Promise<{ path: string; version: string }> {
  const copy = join(folder, "envoy");
  await copyFile(envoy.path, copy);
  // The same time of change makes it the same Envoy to `publishEnvoy`, which keeps one public copy of each.
  const { atime, mtime } = await stat(envoy.path);
  await utimes(copy, atime, mtime);
  await chmod(folder, 0o700);
  return { ...envoy, path: copy };
}

async function podNamespace({ node }: LocalCluster, uid: string): Promise<string> {
  const name = `${node.namespace}-${uid.replaceAll("-", "").slice(0, 12)}`;
  assert.ok((await listNamespaces()).includes(name), `the namespace ${name} of the pod`);
  return name;
}

/** Number of the process in a namespace whose first word of the command line ends like this. */
async function processIn(namespace: string, ending: string): Promise<string | undefined> {
  const listed = await runCommand(["ip", "netns", "pids", namespace]);
  for (const pid of listed.split(/\s+/)) {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (`${words.split("\0")[0]}\0`.endsWith(ending)) return pid;
  }
  return undefined;
}

async function dial(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host, port });
  socket.once("connect", () => resolve("connected"));
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  return promise.finally(() => socket.destroy());
}

async function remains(namespace: string): Promise<string[]> {
  const mine = (name: string): boolean => name === namespace || name.startsWith(`${namespace}-`);
  return (await listNamespaces()).filter(mine);
}

function tokenClaims(authorization: string): { aud: string[]; "kubernetes.io": { pod: { uid: string } } } {
  const payload = authorization.replace("Bearer ", "").split(".")[1] ?? "";
  return JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
}
