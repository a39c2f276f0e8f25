import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { describe, it } from "node:test";
import { type HubFault, hubFault } from "../../local/event-hubs/faults.ts";
import { type EventHubs, startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { createFaultInjector } from "../../local/faults/fault-injector.ts";
import { parseFaultPlan } from "../../local/faults/fault-plan.ts";
import { createEventHubTail } from "../../shared/adapters/azure/event-hub-tail.ts";
import { createEventHubSender } from "../../shared/adapters/azure/event-hubs.ts";
import type { HubSender } from "../../shared/ports/event-hub.ts";
import { eventually } from "../support/eventually.ts";

const hub = "mesh-snapshots";
const options = { timeout: 60_000 };

interface Stage extends AsyncDisposable {
  readonly server: EventHubs;
  readonly sender: HubSender;
  readonly heard: readonly number[];
  readonly faults: readonly Error[];
  /** Sends until the reader hears. */
  readonly begin: () => Promise<unknown>;
  /** Resolves as soon as the reader has heard it. */
  readonly hears: (message: number) => Promise<void>;
}

async function stageWith(rules: readonly (HubFault & { readonly at: readonly number[] })[] = []): Promise<Stage> {
  await using life = new AsyncDisposableStack();
  const injector = createFaultInjector(parseFaultPlan(JSON.stringify({ seed: 0, faults: rules }), hubFault));
  const server = life.use(await startEventHubs({ hubs: [{ name: hub, partitionCount: 1 }], faults: injector }));
  const sender = life.use(createEventHubSender({ connection: server, hub }));
  const heard: number[] = [];
  const news = new EventEmitter();
  const faults: Error[] = [];
  const openTail = createEventHubTail({ connection: server, hub, consumerGroup: "$Default" });
  const message = (one: unknown): void => {
    heard.push(Number(one));
    news.emit("message");
  };
  life.use(openTail({ message, fault: (error) => faults.push(error) }));
  const running = life.move();
  return {
    server,
    sender,
    heard,
    faults,
    begin: () =>
      eventually("the reader's first message", async () => {
        if (heard.length === 0) await sender.send("c1", [{ probe: true }]);
        return heard.length > 0;
      }),
    async hears(wanted) {
      while (!heard.includes(wanted)) await once(news, "message", { signal: AbortSignal.timeout(options.timeout) });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const numbers = (heard: readonly number[]): readonly number[] => heard.filter((number) => !Number.isNaN(number));

describe("a hub's tail", options, () => {
  it("hands a message over without a pause", async () => {
    await using stage = await stageWith();
    await stage.begin();
    // The SDK's own reader pauses 20 ms each time. Once without it is proof enough, on a busy machine it may take some turns.
    let best = Number.POSITIVE_INFINITY;
    for (let turn = 1; turn <= 500 && best >= 15; turn++) {
      const begun = performance.now();
      await stage.sender.send("c1", [turn as unknown as object]);
      await stage.hears(turn);
      best = Math.min(best, performance.now() - begun);
    }
    assert.ok(best < 15, `at best ${best} ms`);
  });

  it("goes on where it was when its link is closed", async () => {
    await using stage = await stageWith([{ fault: "detach", on: "deliver", at: [3] }]);
    await stage.begin();
    for (let turn = 1; turn <= 5; turn++) await stage.sender.send("c1", [turn as unknown as object]);
    await stage.hears(5);
    assert.deepEqual(numbers(stage.heard), [1, 2, 3, 4, 5]);
    assert.equal(stage.faults.length, 1);
  });

  it("begins anew with a hub that was made again", async () => {
    await using stage = await stageWith();
    await stage.begin();
    await stage.sender.send("c1", [1 as unknown as object]);
    await stage.hears(1);
    stage.server.namespace.doNow({ fault: "recreate", on: "now", hub });
    // The old sender may wait long for an answer of a hub that is gone.
    await using sender = createEventHubSender({ connection: stage.server, hub });
    await eventually("a message of the new hub", async () => {
      await sender.send("c1", [2 as unknown as object]);
      return stage.heard.includes(2);
    });
  });
});
