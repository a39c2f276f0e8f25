import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { applyObjects } from "../../local/demo/apply-objects.ts";
import { waitForPods } from "../../local/demo/wait-for-pods.ts";
import { type LocalMesh, startLocalMesh } from "../../local/start-local-mesh.ts";
import { readProgress, untilSettled } from "../support/data-path/gateway-progress.ts";
import { account, meshConfig, meshConfigNamespace, namespace, pod, service } from "../support/data-path/objects.ts";
import { createTestPod, type TestPod, untilAnswered } from "../support/data-path/test-pod.ts";
import { eventually } from "../support/eventually.ts";
import { updatesTaken } from "./updates-taken.ts";

/** Replicas of the gateway end one after the other, as in a rolling update, and no request of real pods notices. */

const timeout = 600_000;
const gatewayEnv = { WEFT_LEASE_MS: "3000", WEFT_HEAD_READ_MS: "500", WEFT_DRAIN_MS: "2000" };
const replicas = ["gateway", "gateway-1"];
const podLimit = 120_000;
const url = "http://server.shop.svc.cluster.local/";
const shop = [
  namespace(meshConfigNamespace, { meshed: false }),
  meshConfig({ permissive: true }),
  namespace("shop"),
  ...["server", "client"].map((name) => account(`shop/${name}`)),
  service("shop/server", { selector: { app: "server" }, ports: [{ name: "http-web", port: 80, targetPort: 8080 }] }),
  ...["one", "two"].map((name) =>
    pod(`shop/server-${name}`, { account: "server", labels: { app: "server" }, listen: { 8080: "http" } }),
  ),
  pod("shop/client", { account: "client" }),
];
const proxies = 3;
/** The first answer to who asks for everything; it names nothing when the proxy holds everything. */
const greets = /manager[.][cl]ds[.]update_success$/;

async function clientPod({ client }: LocalMesh): Promise<TestPod> {
  const { metadata, status } = await client.call<{
    readonly metadata: { readonly uid: string };
    readonly status?: { readonly podIP?: string };
  }>({ path: "/api/v1/namespaces/shop/pods/client" });
  return createTestPod({ key: "shop/client", uid: metadata.uid, address: status?.podIP ?? "" });
}

function adminOf(mesh: LocalMesh, replica: string): string {
  const ready = mesh.parts().find(({ name }) => name === replica)?.ready as { readonly admin: string };
  return ready.admin;
}

/** Its proxies go to the other replica, which has nothing to tell them. */
async function drain(mesh: LocalMesh, leaving: string, context: TestContext): Promise<void> {
  const staying = adminOf(mesh, leaving === "gateway" ? "gateway-1" : "gateway");
  const before = await updatesTaken(mesh);
  const moving = (await readProgress(adminOf(mesh, leaving))).proxies.length;
  await mesh.stop(leaving);
  await untilSettled(staying, { proxies });
  const more = await eventually("two greetings to each that moved", async () => {
    const taken = [...(await updatesTaken(mesh))].filter(([name, count]) => count !== before.get(name));
    return taken.length >= 2 * moving && taken;
  });
  assert.deepEqual(
    more.filter(([name, count]) => !greets.test(name) || count !== (before.get(name) ?? 0) + 1),
    [],
  );
  const log = await readFile(join(mesh.runDir, `${leaving}.log`), "utf8");
  assert.ok(!log.includes("not stopped in time"), `${leaving} ended by force`);
  await mesh.revive(leaving);
  context.diagnostic(`${moving} proxies left ${leaving}`);
}

test("a replica that is asked to end hands its proxies over: nothing is sent again and no request fails", {
  timeout,
}, async (context) => {
  await using mesh = await startLocalMesh({
    pods: true,
    install: false,
    gateways: replicas.length,
    gatewayEnv,
    drainSeconds: 2,
    say: () => undefined,
  });
  if (mesh.withoutPods !== undefined) return context.skip(mesh.withoutPods.join("; "));
  await applyObjects(mesh.client, shop);
  await waitForPods(mesh.client, shop, { limitMs: podLimit, signal: AbortSignal.timeout(podLimit) });
  await eventually("every proxy has found a replica", async () => {
    const rosters = await Promise.all(replicas.map((replica) => readProgress(adminOf(mesh, replica))));
    return rosters.flatMap((roster) => roster.proxies).length === proxies;
  });
  for (const replica of replicas) await untilSettled(adminOf(mesh, replica), { proxies: 0 });
  const client = await clientPod(mesh);
  await untilAnswered(client, { kind: "http", url }, ["server-one", "server-two"]);
  const loads = await Promise.all(
    [true, false].map((keepAlive) =>
      client.startLoad({
        name: keepAlive ? "kept" : "new",
        request: { kind: "http", url, keepAlive },
        workers: 1,
        pauseMs: 10,
      }),
    ),
  );
  // The second time round, whoever stayed the first time leaves.
  for (const replica of replicas) await drain(mesh, replica, context);
  for (const load of loads) {
    const { failed, failures, total } = await load.stop();
    assert.equal(failed, 0, `${failed} of ${total}: ${failures.join("\n")}`);
    assert.ok(total >= 30, `${total} are too few to say anything`);
  }
});
