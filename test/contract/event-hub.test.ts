import { describe, it } from "node:test";
import { startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { createEventHubTail } from "../../shared/adapters/azure/event-hub-tail.ts";
import { createEventHubSender, type HubOptions } from "../../shared/adapters/azure/event-hubs.ts";
import { createMemoryHub } from "../../shared/adapters/memory/event-hub.ts";
import { eventHubContract, type OpenedHub } from "./event-hub.contract.ts";

eventHubContract("memory", async () => {
  const { sender, openTail } = createMemoryHub();
  return { sender, openTail, [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose]() };
});

eventHubContract("Event Hubs on the stand-in", async () => {
  const hub = "mesh-snapshots";
  const server = await startEventHubs({ hubs: [{ name: hub, partitionCount: 4, consumerGroups: ["gateway"] }] });
  const opened = openAzure({ connection: server, hub }, "gateway");
  return {
    ...opened,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

const namespace = process.env["WEFT_EVENT_HUBS"];
if (namespace === undefined) {
  describe("HubSender and HubTail: an Event Hubs namespace", () => {
    it("do the same", { skip: "WEFT_EVENT_HUBS is no connection string of a namespace to test" }, () => undefined);
  });
} else {
  eventHubContract("an Event Hubs namespace", async () =>
    openAzure(
      { connection: { connectionString: namespace }, hub: process.env["WEFT_TEST_HUB"] ?? "contract" },
      "$Default",
    ),
  );
}

function openAzure(options: HubOptions, consumerGroup: string): OpenedHub {
  const sender = createEventHubSender(options);
  return {
    sender,
    openTail: createEventHubTail({ ...options, consumerGroup }),
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}
