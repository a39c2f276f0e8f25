import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { HubTailHandlers } from "../../shared/ports/event-hub.ts";
import { until } from "../kubernetes/client-fixture.ts";
import type { SeenLease } from "./lease-watch.ts";
import { createPointerRelay } from "./pointer-relay.ts";

const annotation = "weft.dev/snapshot";

function pointer(version: number, incarnation = "first"): object {
  return { mesh: "weft", cluster: "one", incarnation, version, root: "0123456789abcdef" };
}

/** A relay of which a test speaks as the hub and as the publisher's Lease. */
function relayFor(t: TestContext, { heard = true, refuse = false } = {}) {
  let hub: HubTailHandlers | undefined;
  let annotations: Readonly<Record<string, string>> = {};
  const listeners = new Set<(name: string) => void>();
  const faults: unknown[] = [];
  const written: unknown[] = [];
  const lost = new AbortController();
  t.after(() => lost.abort());
  const relay = createPointerRelay({
    mesh: "weft",
    cluster: "one",
    lease: "publisher",
    leases: {
      lease: (name): SeenLease => ({ name, holder: "a", annotations, alive: true, age: 0 }),
      onChange(listener) {
        listeners.add(listener);
        return { [Symbol.dispose]: () => listeners.delete(listener) };
      },
    },
    openHubTail(handlers) {
      hub = handlers;
      return {
        async [Symbol.asyncDispose]() {
          hub = undefined;
        },
      };
    },
    isHeard: () => heard,
    fault: (error) => faults.push(error),
  });
  const lease = {
    lost: lost.signal,
    async annotate(name: string, text: string) {
      assert.equal(name, annotation);
      if (refuse) throw new Error("refused");
      written.push(JSON.parse(text));
    },
  };
  return {
    relay,
    written,
    faults,
    lead: () => relay.whileLeading(lease),
    lose: () => lost.abort(),
    hub: () => hub,
    say: (text: string, name = "publisher"): void => {
      annotations = { [annotation]: text };
      for (const listener of listeners) listener(name);
    },
  };
}

function hear(relay: ReturnType<typeof relayFor>["relay"]): unknown[] {
  const messages: unknown[] = [];
  relay.openTail({ message: (message) => messages.push(message), fault: assert.fail });
  return messages;
}

test("who hears the hub tells its own follower at once, and the Lease", async (t) => {
  const { relay, lead, hub, written } = relayFor(t);
  const messages = hear(relay);
  void lead();
  hub()?.message(pointer(1));
  assert.deepEqual(messages, [pointer(1)]);
  await until(() => written.length === 1);
  assert.deepEqual(written, [pointer(1)]);
});

test("the Lease gets the newest pointer only, and none of another cluster", async (t) => {
  const { lead, hub, written } = relayFor(t);
  void lead();
  for (const version of [1, 3, 2]) hub()?.message(pointer(version));
  hub()?.message({ ...pointer(9), cluster: "other" });
  await until(() => written.length === 1);
  assert.deepEqual(written, [pointer(3)]);
  hub()?.message(pointer(1, "second"));
  await until(() => written.length === 2);
  assert.deepEqual(written.at(-1), pointer(1, "second"));
});

test("nothing is written for nobody, and a Lease that is lost ends the hearing", async (t) => {
  const { lead, lose, hub, written } = relayFor(t, { heard: false });
  const leading = lead();
  hub()?.message(pointer(1));
  lose();
  await leading;
  assert.equal(hub(), undefined);
  assert.deepEqual(written, []);
});

test("a Lease that cannot be written is a fault, and the relay goes on", async (t) => {
  const { relay, lead, hub, faults } = relayFor(t, { refuse: true });
  const messages = hear(relay);
  void lead();
  hub()?.message(pointer(1));
  await until(() => faults.length === 1);
  hub()?.message(pointer(2));
  await until(() => faults.length === 2);
  assert.equal(messages.length, 2);
});

test("the others hear it from the Lease, each pointer once", (t) => {
  const { relay, say } = relayFor(t);
  const messages = hear(relay);
  const text = JSON.stringify(pointer(1));
  say(text);
  say(text);
  say(JSON.stringify(pointer(2)), "another-lease");
  assert.deepEqual(messages, [pointer(1)]);
});

test("nonsense on the Lease is passed on as nothing", (t) => {
  const { relay, say } = relayFor(t);
  const messages = hear(relay);
  say("{");
  assert.deepEqual(messages, [undefined]);
});
