import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Condition } from "../../gateway/admin/conditions.ts";
import { localCluster } from "../../local/names.ts";
import { readHead } from "../../shared/store/cluster-store.ts";
import { within } from "../conformance/xds/within.ts";
import { trafficTarget } from "../support/build.ts";
import { eventually } from "../support/eventually.ts";
import type { FeatureMesh, FeatureProxy } from "./feature-mesh.ts";
import { allRequests, anyRequest, openShop, principalOf } from "./shop.ts";

const target = trafficTarget("shop/to-server", {
  to: "server",
  from: ["shop/client", "shop/new"],
  rules: [anyRequest],
});
const objects = [allRequests, target];

async function stateDir(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "weft-state-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Durations of the autonomous mode that a test can wait for. */
const impatient = { WEFT_AUTONOMOUS_MS: "500", WEFT_AUTONOMOUS_RECOVERY_MS: "500" };

async function isAutonomous(shop: FeatureMesh): Promise<boolean> {
  const { conditions } = await shop.debug<{ readonly conditions: readonly Condition[] }>("/debug/conditions");
  return conditions.some(({ type, status }) => type === "Autonomous" && status === "True");
}

/** What is served is kept as well: from now on the gateway needs no cloud for it. */
async function isKept(shop: FeatureMesh): Promise<void> {
  await eventually("what is served is kept", async () => {
    const page = await shop.debug<{ readonly version: number; readonly kept?: number }>("/debug/snapshot");
    return page.kept === page.version;
  });
}

/** A gateway that starts makes another key; the proxy holds the one before until then. */
async function signedAnew(proxy: FeatureProxy): Promise<void> {
  await proxy.until("its certificate is signed anew", () => proxy.received.flat().includes("secret identity"));
}

/** Waits until the cloud serves what it compiled of all that the gateway has seen, whoever serves here. Returns the version. */
async function compiledInCloud(shop: FeatureMesh): Promise<number> {
  return eventually("the cloud has compiled it", async () => {
    const { state } = await shop.debug<{ readonly state: string }>("/debug/state");
    const read = await readHead(shop.mesh.documents, localCluster);
    return read?.head.served?.state === state && read.head.version;
  });
}

describe("while the cloud is away", () => {
  it("a gateway that starts serves what it kept: a proxy gets no byte, and a new pod its config", async (t) => {
    const gatewayEnv = { WEFT_STATE_DIR: await stateDir(t) };
    await using opened = await openShop({ permissive: false, objects, gatewayEnv });
    const { shop, client, clientPod } = opened;
    await shop.run({ name: "server", account: "server", labels: { app: "server" }, address: "10.244.0.1" });
    const version = await shop.settled();
    await isKept(shop);

    using _ = shop.mesh.cutCloud();
    await shop.mesh.restartGateway();
    await within(client.ended, "the end of the stream");
    await using back = shop.connect(clientPod, { holding: client.held });
    await signedAnew(back);
    await using fresh = shop.connect(await shop.run({ name: "new", account: "new" }));
    await fresh.until("the new pod may dial the server", () => fresh.held.route.has("shop/server/80"));
    await fresh.until("it has the server's endpoint", () =>
      fresh.names("endpoint").some((name) => fresh.text("endpoint", name).includes("10.244.0.1")),
    );
    const { wanted } = await shop.debug<{ readonly wanted: number }>("/debug/proxies");
    assert.equal(wanted, version);
    _[Symbol.dispose]();
    await shop.settled();
    const sent = back.received.flat().filter((line) => !line.includes(" -"));
    assert.deepEqual(new Set(sent), new Set(["secret identity"]), "a new gateway signs anew, and that is all");
  });

  it("a new pod gets its config from a gateway without a disk, which remembers", async () => {
    await using opened = await openShop({ permissive: false, objects });
    const { shop } = opened;
    await shop.run({ name: "server", account: "server", labels: { app: "server" }, address: "10.244.0.1" });
    await shop.settled();
    await isKept(shop);
    using _ = shop.mesh.cutCloud();
    await using fresh = shop.connect(await shop.run({ name: "new", account: "new" }));
    await fresh.until("the new pod may dial the server", () => fresh.held.route.has("shop/server/80"));
  });

  it("after a while the gateway compiles its own state; when the cloud is back, no proxy is sent anything", async () => {
    await using opened = await openShop({ permissive: false, objects: [allRequests], gatewayEnv: impatient });
    const { shop } = opened;
    await using server = shop.connect(await shop.run({ name: "server", account: "server", labels: { app: "server" } }));
    await server.until("it has a policy", () => server.held.extension.has("authz-8080"));
    const version = await shop.settled();

    using _ = shop.mesh.stallFunctions();
    await shop.apply(target);
    await server.until("the grant is enforced", () =>
      server.text("extension", "authz-8080").includes(principalOf("client")),
    );
    await eventually("the mode is declared", () => isAutonomous(shop));
    await shop.remove(target);
    await server.until("so is its end", () => !server.text("extension", "authz-8080").includes(principalOf("client")));
    await shop.apply(target);
    await server.until("and the grant again", () =>
      server.text("extension", "authz-8080").includes(principalOf("client")),
    );
    await shop.settled();

    const { received } = server;
    const before = received.length;
    _[Symbol.dispose]();
    await eventually("the mode is left", async () => !(await isAutonomous(shop)) || undefined);
    assert.ok((await shop.settled()) > version, "the cloud compiled it");
    assert.deepEqual(received.slice(before), []);
  });

  it("it goes on compiling its own state after a restart, and lets no proxy go back", async (t) => {
    const gatewayEnv = { ...impatient, WEFT_STATE_DIR: await stateDir(t) };
    await using opened = await openShop({ permissive: false, objects: [allRequests], gatewayEnv });
    const { shop } = opened;
    const pod = await shop.run({ name: "server", account: "server", labels: { app: "server" } });
    await using server = shop.connect(pod);
    await server.until("it has a policy", () => server.held.extension.has("authz-8080"));
    await shop.settled();
    await isKept(shop);

    using _ = shop.mesh.cutCloud();
    await shop.apply(target);
    await server.until("the grant is enforced", () =>
      server.text("extension", "authz-8080").includes(principalOf("client")),
    );
    await shop.mesh.restartGateway();
    await within(server.ended, "the end of the stream");
    await using back = shop.connect(pod, { holding: server.held });
    await signedAnew(back);
    await using fresh = shop.connect(await shop.run({ name: "new", account: "new" }));
    await fresh.until("a new pod may dial the server", () => fresh.held.route.has("shop/server/80"));
    _[Symbol.dispose]();
    await eventually("the mode is left", async () => !(await isAutonomous(shop)) || undefined);
    await shop.settled();
    const sent = back.received.flat().filter((line) => !line.includes(" -"));
    assert.deepEqual(new Set(sent), new Set(["secret identity"]));
    const told = await eventually("what was served locally is told", async () => {
      const found = await shop.mesh.documents.list("changes", localCluster, { prefix: "local:", limit: 10 });
      return found.length > 0 && found;
    });
    assert.ok(told);
  });

  it("a rollback that is pinned is not undone", async () => {
    await using opened = await openShop({ permissive: false, objects: [allRequests, target], gatewayEnv: impatient });
    const { shop } = opened;
    await using server = shop.connect(await shop.run({ name: "server", account: "server", labels: { app: "server" } }));
    await server.until("the grant", () => server.text("extension", "authz-8080").includes(principalOf("client")));
    await shop.settled();
    const granted = await compiledInCloud(shop);
    await shop.remove(target);
    await server.until("its end", () => !server.text("extension", "authz-8080").includes(principalOf("client")));
    await shop.settled();
    await compiledInCloud(shop);
    await shop.mesh.functions.pins.rollback(localCluster, granted, { who: "a person", why: "the grant is missed" });
    await server.until("the rollback", () => server.text("extension", "authz-8080").includes(principalOf("client")));
    await isKept(shop);

    using _ = shop.mesh.cutCloud();
    await shop.apply(trafficTarget("shop/late", { to: "server", from: ["shop/late"], rules: [anyRequest] }));
    await eventually("the mode is declared", () => isAutonomous(shop));
    const { received } = server;
    const before = received.length;
    // A new class is compiled from the state in force, by then every change was seen.
    await using fresh = shop.connect(await shop.run({ name: "new", account: "new" }));
    await fresh.until("a new pod is served", () => fresh.held.listener.has("outbound"));
    assert.deepEqual(received.slice(before).flat(), []);
    assert.ok(server.text("extension", "authz-8080").includes(principalOf("client")));
  });
});

describe("while Kubernetes answers no lists", () => {
  it("a gateway that starts serves pods with the endpoints that it saved", async (t) => {
    const gatewayEnv = { WEFT_STATE_DIR: await stateDir(t), WEFT_KUBERNETES_PATIENCE_MS: "100" };
    await using opened = await openShop({ permissive: true, gatewayEnv });
    const { shop, client, clientPod } = opened;
    await shop.run({ name: "server", account: "server", labels: { app: "server" }, address: "10.244.0.1" });
    const has = (proxy: typeof client) => proxy.text("endpoint", "shop/server/80/all").includes("10.244.0.1");
    await client.until("the server", () => has(client));
    await shop.settled();

    using _ = shop.mesh.cutLists();
    await shop.mesh.restartGateway();
    await within(client.ended, "the end of the stream");
    await using back = shop.connect(clientPod, { holding: client.held });
    await signedAnew(back);
    assert.ok(has(back));
    _[Symbol.dispose]();
    await shop.settled();
    const sent = back.received.flat().filter((line) => !line.includes(" -"));
    assert.deepEqual(new Set(sent), new Set(["secret identity"]));
  });
});
