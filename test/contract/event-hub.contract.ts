import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { HubSender, HubTail, OpenHubTail } from "../../shared/ports/event-hub.ts";
import { eventually } from "../support/eventually.ts";
import { refusedWith } from "./refused-with.ts";

export interface OpenedHub extends AsyncDisposable {
  readonly sender: HubSender;
  readonly openTail: OpenHubTail;
}

const timeout = 120_000;
const keys = ["one", "two", "three", "four", "five", "six"];

/** What every way into a hub and out of it does. `open` gives a hub that nobody else writes to. */
export function eventHubContract(name: string, open: () => Promise<OpenedHub>): void {
  describe(`HubSender and HubTail: ${name}`, { timeout }, () => {
    let hub: OpenedHub;
    before(async () => {
      hub = await open();
    });
    after(() => hub[Symbol.asyncDispose]());

    it("hands over what is sent, as JSON would, in order for one key", async () => {
      await using reader = await openReader(hub);
      const odd = { text: 'ü "quoted"', none: null, list: [1, [], {}], gone: undefined };
      await hub.sender.send("one", [odd, { n: 1 }]);
      await hub.sender.send("one", [{ n: 2 }]);
      await hub.sender.send("one", [{ n: 3 }, { n: 4 }]);
      const wanted = [JSON.parse(JSON.stringify(odd)), { n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }];
      assert.deepEqual(await reader.take(5), wanted);
    });

    it("hands over what is sent with any key", async () => {
      await using reader = await openReader(hub, keys);
      for (const key of keys) await hub.sender.send(key, [{ key }]);
      const found = (await reader.take(keys.length)) as { readonly key: string }[];
      assert.deepEqual(found.map(({ key }) => key).sort(), keys.toSorted());
    });

    it("hands everything to each of several readers", async () => {
      await using one = await openReader(hub);
      await using other = await openReader(hub);
      await hub.sender.send("one", [{ n: 1 }, { n: 2 }]);
      assert.deepEqual(await one.take(2), [{ n: 1 }, { n: 2 }]);
      assert.deepEqual(await other.take(2), [{ n: 1 }, { n: 2 }]);
    });

    it("begins with what comes, not with what was", async () => {
      await hub.sender.send("one", [{ n: "before" }]);
      await using reader = await openReader(hub);
      await hub.sender.send("one", [{ n: "after" }]);
      assert.deepEqual(await reader.take(1), [{ n: "after" }]);
    });

    it("keeps a copy: what is done to a message later is not seen", async () => {
      await using reader = await openReader(hub);
      const message = { n: 1 };
      await hub.sender.send("one", [message]);
      message.n = 2;
      assert.deepEqual(await reader.take(1), [{ n: 1 }]);
    });

    it("hands nothing to a reader that was closed", async () => {
      await using other = await openReader(hub);
      const closed = await openReader(hub);
      await closed[Symbol.asyncDispose]();
      await hub.sender.send("one", [{ n: 1 }]);
      await other.take(1);
      assert.deepEqual(closed.waiting, []);
    });

    it("refuses a batch above 1 MB as too large, and sends none of it", async () => {
      await using reader = await openReader(hub);
      const messages = Array.from({ length: 3 }, () => ({ text: "x".repeat(400 * 1024) }));
      await refusedWith("too-large", hub.sender.send("one", messages));
      await hub.sender.send("one", [{ n: 1 }]);
      assert.deepEqual(await reader.take(1), [{ n: 1 }]);
    });

    it("takes a message that just fits, and no messages at all", async () => {
      await using reader = await openReader(hub);
      await hub.sender.send("one", []);
      await hub.sender.send("one", [{ text: "x".repeat(900 * 1024) }]);
      const [message] = (await reader.take(1)) as { readonly text: string }[];
      assert.equal(message?.text.length, 900 * 1024);
    });
  });
}

interface Reader extends HubTail {
  /** What came and was not taken. */
  readonly waiting: readonly unknown[];
  take(count: number): Promise<readonly unknown[]>;
}

let readers = 0;

/** A reader that is known to read: messages of its own are sent until one of each key came back. */
async function openReader(hub: OpenedHub, of: readonly string[] = ["one"]): Promise<Reader> {
  const waiting: unknown[] = [];
  const probed = new Set<string>();
  const faults: Error[] = [];
  const tail = hub.openTail({
    message(message) {
      const { probe } = message as { readonly probe?: string };
      if (probe === undefined) waiting.push(message);
      else probed.add(probe);
    },
    fault: (error) => faults.push(error),
  });
  const name = ++readers;
  for (const key of of) {
    const probe = `${name} ${key}`;
    await eventually("a reader's first message", async () => {
      assert.deepEqual(faults, []);
      if (!probed.has(probe)) await hub.sender.send(key, [{ probe }]);
      return probed.has(probe);
    });
  }
  return {
    waiting,
    async take(count) {
      await eventually(`message ${count}`, async () => waiting.length >= count);
      return waiting.splice(0, count);
    },
    [Symbol.asyncDispose]: () => tail[Symbol.asyncDispose](),
  };
}
