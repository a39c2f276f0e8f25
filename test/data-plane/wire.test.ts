/** What is on the wire, and whom a client believes: mTLS everywhere, plaintext never, the server's identity checked in the handshake. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createForger, shakeHands } from "../support/data-path/handshake.ts";
import { skip as noPods } from "../support/data-path/machine.ts";
import {
  account,
  endpointSlice,
  meshConfig,
  meshConfigNamespace,
  namespace,
  pod,
  routeGroup,
  service,
  trafficTarget,
} from "../support/data-path/objects.ts";
import { startTestMesh, type TestMesh } from "../support/data-path/test-mesh.ts";
import { answerOf, counted, type TestPod } from "../support/data-path/test-pod.ts";
import { type Look, tlsApplicationData, watchWire, whyNoWire } from "../support/data-path/wire.ts";
import { eventually } from "../support/eventually.ts";

const skip = noPods === false ? await whyNoWire() : noPods;
const options = { skip, timeout: 300_000 };

/** Never said but in requests and answers, so that a packet with it is a plaintext one. */
const marker = "NOBODY-MAY-READ-THIS";
const path = `/${marker}`;
const web = "http://server.shop.svc.cluster.local";
const webPort = { name: "http-web", port: 80, targetPort: 8080 };

const everything = routeGroup("shop/routes", [{ name: "everything" }]);
const grant = (to: string): ReturnType<typeof trafficTarget> =>
  trafficTarget(`shop/client-to-${to}`, {
    to,
    from: ["shop/client"],
    rules: [{ kind: "HTTPRouteGroup", name: "routes", matches: ["everything"] }],
  });

/** Between pods, that is; the test's own orders to pods are plain HTTP. */
const readable = (): Look => ({ text: marker, without: mesh.hostAddress });

let mesh: TestMesh;
let client: TestPod;
let server: TestPod;
let impostor: TestPod;
let outside: TestPod;

before(async () => {
  if (skip !== false) return;
  mesh = await startTestMesh();
  await mesh.apply([
    namespace(meshConfigNamespace, { meshed: false }),
    meshConfig({}),
    namespace("shop"),
    ...["shop/server", "shop/impostor", "shop/client"].map(account),
    service("shop/server", { selector: { tier: "server" }, ports: [webPort] }),
    everything,
    namespace("plain", { meshed: false }),
    service("plain/outside", { selector: { app: "outside" }, ports: [webPort] }),
    pod("shop/server", { account: "server", labels: { tier: "server" }, listen: { 8080: "http" } }),
    pod("shop/impostor", { account: "impostor", labels: { tier: "server" }, listen: { 8080: "http" } }),
    pod("shop/bare", { account: "server", labels: { tier: "server" }, listen: { 8080: "http" }, sidecar: false }),
    pod("shop/client", { account: "client" }),
    pod("plain/outside", { listen: { 8080: "http" } }),
    pod("plain/visitor"),
  ]);
  [client, server, impostor, outside] = await Promise.all([
    mesh.pod("shop/client"),
    mesh.pod("shop/server"),
    mesh.pod("shop/impostor"),
    mesh.pod("plain/outside"),
  ]);
});
after(() => mesh?.[Symbol.asyncDispose]());

test("between meshed pods there is only TLS; without sidecars the same text is readable", options, async () => {
  await mesh.apply([grant("server")]);
  await using wire = await watchWire(mesh.nodeNamespace, {
    readable: readable(),
    encrypted: { bytes: tlsApplicationData, from: client.address, to: server.address },
  });
  const results = await client.http({ url: `${web}${path}`, count: 20 });
  assert.deepEqual(counted(results.map(({ status }) => status)), { 200: 20 });
  const between = await wire.packets();
  assert.equal(between.readable, 0);
  assert.ok(between.encrypted >= 20, `${between.encrypted} packets of TLS`);

  const visitor = await mesh.pod("plain/visitor");
  await eventually("the Service of the other namespace answers", async () => {
    return (await visitor.http({ url: `http://outside.plain${path}` }))[0]?.status === 200;
  });
  assert.ok((await wire.packets()).readable > 0, "what is not encrypted is seen");
  await mesh.remove([grant("server")]);
});

test("plaintext to a meshed pod is refused, in both modes, whoever sends it", options, async () => {
  const visitor = await mesh.pod("plain/visitor");
  for (const permissive of [false, true]) {
    await mesh.apply([meshConfig({ permissive })]);
    for (const url of [
      `http://${server.address}:8080/`,
      `http://${server.address}:15003/`,
      `http://${impostor.address}:8080/`,
    ]) {
      const [result] = await visitor.http({ url });
      assert.deepEqual([result?.status, result?.error], [0, "ECONNRESET"], `${url}, permissive: ${permissive}`);
    }
    await assert.rejects(fetch(`http://${server.address}:8080/`), "from the node's own network");
  }
  await mesh.apply([meshConfig({})]);
});

test("a server shows the certificate of its account, and believes only certificates of the mesh", options, async () => {
  await mesh.apply([grant("server")]);
  const [own, foreign] = await Promise.all([createForger(mesh.client), createForger()]);
  const to = { host: server.address, port: webPort.targetPort, root: await own.root() };

  const granted = await shakeHands({ ...to, client: await own.certificate("shop/client") });
  assert.equal(granted.authorized, true, "signed by the mesh's own root");
  assert.match(granted.names, /URI:spiffe:\/\/cluster\.local\/ns\/shop\/sa\/server/);
  assert.match(granted.names, /DNS:server\.shop\.cluster\.local/);
  assert.match(granted.answer, /^HTTP\/1\.1 200/, "the certificate alone says who it is");
  const other = await shakeHands({ ...to, client: await own.certificate("shop/impostor") });
  assert.match(other.answer, /^HTTP\/1\.1 403/);

  const forged = await shakeHands({ ...to, client: await foreign.certificate("shop/client") });
  assert.match(forged.answer, /UNKNOWN_CA|ECONNRESET/, "the right name of a wrong root");
  const nameless = await shakeHands(to);
  assert.match(nameless.answer, /CERTIFICATE_REQUIRED|ECONNRESET/, "no certificate at all");
  const unmarked = await shakeHands({ ...to, client: await own.certificate("shop/client"), protocols: ["http/1.1"] });
  assert.equal(unmarked.names, "", "TLS without the mark of the mesh finds nobody");
  await mesh.remove([grant("server")]);
});

test("while grants come and go, nothing is ever sent in plaintext, whatever is dialled", options, async () => {
  await mesh.apply([meshConfig({ egress: true })]);
  await using wire = await watchWire(mesh.nodeNamespace, { readable: readable() });
  const loads = await Promise.all(
    [true, false].map((keepAlive) =>
      client.startLoad({
        name: `keep-${keepAlive}`,
        request: { kind: "http", url: `${web}${path}`, keepAlive },
        workers: 2,
        pauseMs: 5,
      }),
    ),
  );
  for (let round = 0; round < 4; round += 1) {
    await mesh.apply([grant("server")]);
    assert.equal((await client.http({ url: `${web}${path}` }))[0]?.status, 200);
    await mesh.remove([grant("server")]);
    assert.equal((await client.http({ url: `${web}${path}` }))[0]?.status, 403);
  }
  for (const load of loads) {
    const { failures, byServer } = await load.stop();
    assert.ok((byServer["server"] ?? 0) > 0);
    const others = failures.filter((failure) => !/ 403 (not granted|RBAC: access denied)$/.test(failure));
    assert.deepEqual(others, [], "an answer or a refusal, nothing between");
  }
  for (const url of [`http://${server.address}:8080${path}`, `http://${outside.address}:8080${path}`]) {
    const [result] = await client.http({ url });
    assert.equal(result?.status, 0, `${url}: a pod's address is not outside`);
  }
  assert.equal((await wire.packets()).readable, 0);
  await mesh.apply([meshConfig({})]);
});

test("an endpoint without a sidecar is never dialled", options, async () => {
  const bare = await mesh.pod("shop/bare");
  await using wire = await watchWire(mesh.nodeNamespace, { dialled: { from: client.address, to: bare.address } });
  for (const settings of [{}, { permissive: true, egress: true }]) {
    await mesh.apply([meshConfig(settings), grant("server")]);
    const results = await client.http({ url: `${web}${path}`, count: 50 });
    assert.deepEqual(new Set(results.map((result) => answerOf(result).name)).has("bare"), false);
  }
  assert.equal((await wire.packets()).dialled, 0);
  await mesh.apply([meshConfig({})]);
  await mesh.remove([grant("server")]);
});

test("a pod of another account behind the same Service answers only those who may reach it", options, async () => {
  const askAll = async (): Promise<Readonly<Record<string, number>>> =>
    counted((await client.http({ url: `${web}/`, count: 100 })).map((result) => answerOf(result).name));
  await mesh.apply([grant("server")]);
  assert.deepEqual(await askAll(), { server: 100 });
  await mesh.apply([grant("impostor")]);
  await eventually("both answer", async () => Object.keys(await askAll()).length === 2);
  await mesh.remove([grant("impostor")]);
  assert.deepEqual(await askAll(), { server: 100 });
  await mesh.remove([grant("server")]);
});

test("an endpoint that lies about its pod fails the handshake", options, async () => {
  await mesh.apply([grant("server")]);
  for (const liar of [impostor, outside]) {
    const slice = endpointSlice("shop/server-lie", {
      service: "server",
      address: liar.address,
      port: webPort,
      pod: "server",
    });
    await using wire = await watchWire(mesh.nodeNamespace, {
      readable: readable(),
      dialled: { from: client.address, to: liar.address },
    });
    await mesh.apply([slice]);
    const names = await eventually("the lie is believed as far as dialling it", async () => {
      const results = await client.http({ url: `${web}${path}`, count: 20 });
      const answers = results.map((result) => (result.status === 200 ? answerOf(result).name : String(result.status)));
      return (await wire.packets()).dialled > 0 && answers;
    });
    assert.deepEqual(
      names.filter((name) => name !== "server" && name !== "503"),
      [],
      `nothing is taken from ${liar.key}`,
    );
    assert.equal((await wire.packets()).readable, 0);
    await mesh.remove([slice]);
  }
  await mesh.remove([grant("server")]);
});
