import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Condition } from "../../gateway/admin/conditions.ts";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import { within } from "../conformance/xds/within.ts";
import { trafficTarget } from "../support/build.ts";
import { eventually } from "../support/eventually.ts";
import type { FeatureMesh } from "./feature-mesh.ts";
import { allRequests, anyRequest, httpService, openShop, principalOf } from "./shop.ts";

const target = trafficTarget("shop/to-server", { to: "server", from: ["shop/client"], rules: [anyRequest] });
const services = ["a", "b", "c", "d"].map(httpService);
/** Whatever is explained is compiled here within half a second. */
const impatient = { WEFT_AUTONOMOUS_MS: "500", WEFT_AUTONOMOUS_RECOVERY_MS: "500" };

async function held(shop: FeatureMesh): Promise<Condition | undefined> {
  const { conditions } = await shop.debug<{ readonly conditions: readonly Condition[] }>("/debug/conditions");
  return conditions.find(({ type, status }) => type === "ChangesHeld" && status === "True");
}

describe("while the cloud is away", () => {
  it("a gateway whose list lacks nearly everything keeps its Services, until a person releases them; one row is never held", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "weft-state-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const gatewayEnv = { ...impatient, WEFT_STATE_DIR: folder };
    const objects = [allRequests, target, ...services];
    await using opened = await openShop({ permissive: false, objects, gatewayEnv });
    const { shop } = opened;
    const pod = await shop.run({ name: "server", account: "server", labels: { app: "server" } });
    await using server = shop.connect(pod);
    const isGranted = (proxy: typeof server) => proxy.text("extension", "authz-8080").includes(principalOf("client"));
    await server.until("the grant", () => isGranted(server));
    await shop.settled();

    using _ = shop.mesh.stallFunctions();
    await shop.remove(target);
    await server.until("the grant's end: one row is not held", () => !isGranted(server));
    await shop.settled();
    assert.equal(await held(shop), undefined);

    // The Services go while no gateway looks, so that nobody says that they were deleted.
    const cut = shop.mesh.cutLists();
    const restarted = shop.mesh.restartGateway();
    await within(server.ended, "the end of the stream");
    for (const object of services) await shop.remove(object);
    await shop.apply(target);
    cut[Symbol.dispose]();
    await restarted;
    await using back = shop.connect(pod, { holding: server.held });
    const condition = await eventually("the condition", () => held(shop));
    assert.match(condition.message, /while the cloud does not answer: this gateway's list lacks 4 of 6 Service/);
    const { problems } = await shop.debug<{ readonly problems: readonly Problem[] }>("/debug/problems");
    assert.ok(problems.some(({ code, message }) => code === "mass-withdrawal-held" && message === condition.message));
    assert.ok(!isGranted(back), "what else changed waits, too");

    const [, lease = "", annotation = "", id = ""] =
      /annotate lease (\S+) --overwrite ([^=]+)=(\S+)/.exec(condition.message) ?? [];
    await shop.client.call({
      method: "PATCH",
      path: `/apis/coordination.k8s.io/v1/namespaces/weft-system/leases/${lease}`,
      body: { metadata: { annotations: { [annotation]: id } } },
      contentType: "application/merge-patch+json",
    });
    await back.until("the own state is in force", () => isGranted(back));
    assert.equal(await held(shop), undefined);
  });
});
