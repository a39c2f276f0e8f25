import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { HubTailHandlers } from "../../shared/ports/event-hub.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import { until } from "../kubernetes/client-fixture.ts";
import type { SeenLease } from "./lease-watch.ts";
import { createPointerRelay } from "./pointer-relay.ts";

const annotation = "weft.dev/snapshot";

function pointer(version: number, incarnation = "first"): object {
  return { mesh: "weft", cluster: "one", incarnation, version, root: "0123456789abcdef" };
}

/** A relay of which a test speaks as the hub and as the publisher's Lease. */
function relayFor(t: TestContext, options: { heard?: boolean; refuse?: boolean } = {}) {
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
    isHeard: () => options.heard !== false,
    fault: (error) => faults.push(error),
  });
  const lease = {
    lost: lost.signal,
    async annotate(name: string, text: string) {
      assert.equal(name, annotation);
      if (options.refuse === true) throw new Error("refused");
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
    meet: (): void => {
      options.heard = true;
      for (const listener of listeners) listener("another-replica");
    },
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

test("who comes late is told the newest, once", async (t) => {
  const { lead, hub, written, meet } = relayFor(t, { heard: false });
  void lead();
  hub()?.message(pointer(1));
  hub()?.message(pointer(2));
  meet();
  await until(() => written.length === 1);
  meet();
  hub()?.message(pointer(3));
  await until(() => written.length === 2);
  assert.deepEqual(written, [pointer(2), pointer(3)]);
});

test("what the publisher found by itself, as the hub lost it, is passed on too", async (t) => {
  const { relay, lead, hub, written } = relayFor(t);
  const follow = (version: number) => {
    const served = { root: "0123456789abcdef" };
    relay.followed({ incarnation: "first", version, served } as unknown as ServedSnapshot);
  };
  follow(1);
  void lead();
  await until(() => written.length === 1);
  hub()?.message(pointer(2));
  follow(2);
  follow(3);
  await until(() => written.length === 2);
  assert.deepEqual(written, [pointer(1), pointer(3)]);
});

test("a Lease that cannot be written is a fault, and is written when it can be", async (t) => {
  const options = { refuse: true };
  const { relay, lead, hub, faults, written } = relayFor(t, options);
  const messages = hear(relay);
  void lead();
  hub()?.message(pointer(1));
  await until(() => faults.length === 2);
  options.refuse = false;
  await until(() => written.length === 1);
  assert.deepEqual([messages, written], [[pointer(1)], [pointer(1)]]);
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
