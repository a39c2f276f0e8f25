import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Condition } from "../../gateway/admin/conditions.ts";
import { localCluster } from "../../local/names.ts";
import { within } from "../conformance/xds/within.ts";
import { eventually } from "../support/eventually.ts";
import type { FeatureMesh } from "./feature-mesh.ts";
import { httpService, openShop } from "./shop.ts";

interface SeenEvent {
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

const services = ["a", "b", "c", "d"].map(httpService);

async function held(shop: FeatureMesh): Promise<Condition | undefined> {
  const { conditions } = await shop.debug<{ readonly conditions: readonly Condition[] }>("/debug/conditions");
  return conditions.find(({ type, status }) => type === "ChangesHeld" && status === "True");
}

describe("a mass withdrawal that is held", () => {
  it("shows as an Event on the gateway's namespace and as a condition, both with the command that releases it", async () => {
    await using opened = await openShop({ permissive: true, objects: services });
    const { shop, client, clientPod } = opened;
    await client.until("all Services", () =>
      services.every(({ metadata }) => client.held.route.has(`shop/${metadata.name}/80`)),
    );
    await shop.settled();

    // The Services go while no gateway looks, so that nobody says that they were deleted: who ends its streams publishes no more.
    const cut = shop.mesh.cutLists();
    const restarted = shop.mesh.restartGateway();
    await within(client.ended, "the end of the stream");
    for (const object of services) await shop.remove(object);
    cut[Symbol.dispose]();
    await restarted;
    await using back = shop.connect(clientPod, { holding: client.held });
    const condition = await eventually("the condition", () => held(shop));
    const event = await eventually("the Event", async () => {
      const { items } = await shop.client.call<{ readonly items: readonly SeenEvent[] }>({
        path: "/api/v1/namespaces/default/events",
      });
      return items.find(({ reason }) => reason === "mass-withdrawal-held");
    });
    const { kind, name } = event.involvedObject;
    assert.deepEqual([event.type, kind, name], ["Warning", "Namespace", "weft-system"]);
    const release = `$WEFT/api/clusters/${localCluster}/release`;
    for (const { message } of [event, condition]) {
      assert.match(message, /a list lacks 4 of 6 Service/);
      assert.ok(message.includes(release), message);
    }
    assert.deepEqual(
      back.received.flat().filter((line) => line.includes(" -")),
      [],
      "nothing was taken away",
    );

    await shop.mesh.functions.pins.release(localCluster, "hold", { who: "a person", why: "agreed" });
    await back.until("they are gone", () => !back.names("listener").some((name) => name.startsWith("shop/a/")));
    await eventually("the condition is over", async () => (await held(shop)) === undefined);
  });
});
