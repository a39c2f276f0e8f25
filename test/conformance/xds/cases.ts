import assert from "node:assert/strict";
import { contentHash } from "../../../shared/core/canonical.ts";
import { absentResource, type ViewContent, viewOf } from "../../../shared/core/stream/stream-fixture.ts";
import type { EnvoyType } from "../../../shared/core/xds/resource.ts";
import type { XdsHarness } from "./harness.ts";
import type { DeltaClient, DeltaResponse } from "./xds-client.ts";

/** One rule of the protocol, tried on the real server over TLS. */
export interface ConformanceCase {
  readonly shortName: string;
  readonly description: string;
  readonly test: (harness: XdsHarness) => Promise<void>;
}

/** The cases that go-control-plane, java-control-plane and Envoy's own subscription tests have in common. */
export const conformanceCases: readonly ConformanceCase[] = [
  {
    shortName: "WildcardLegacy",
    description: "A first request for clusters that names nothing asks for all of them",
    test: async (harness) => {
      harness.publish(viewOf(1, { cluster: { a: "1", b: "1" } }));
      await using client = harness.connect();
      client.request("cluster");
      assert.deepEqual((await client.next()).resources, { a: "1", b: "1" });
    },
  },
  {
    shortName: "WildcardExplicitStar",
    description: "The name * asks for everything of any type, beside names",
    test: async (harness) => {
      harness.publish(viewOf(1, { route: { a: "1", b: "1" } }));
      await using client = harness.connect();
      client.request("route", { subscribe: ["*"] });
      const first = await client.next();
      assert.deepEqual(first.resources, { a: "1", b: "1" });
      client.ack(first);
      harness.publish(viewOf(2, { route: { a: "1", c: "1" } }));
      const second = await client.next();
      assert.deepEqual([second.resources, second.removed], [{ c: "1" }, []]);
      client.ack(second);
      assert.deepEqual((await client.next()).removed, ["b"]);
    },
  },
  {
    shortName: "WildcardOnlyInFirstRequest",
    description: "A later request that names nothing changes nothing; a first one for routes asks for none",
    test: async (harness) => {
      harness.publish(viewOf(1, { cluster: { a: "1" }, route: { r: "1" } }));
      await using client = harness.connect();
      client.request("route");
      client.request("cluster", { subscribe: ["a"] });
      client.ack(await client.next());
      client.request("cluster");
      assert.deepEqual(await client.settle(), []);
    },
  },
  {
    shortName: "WildcardEmptyIsAnswered",
    description: "Who asks for all clusters learns that there are none",
    test: async (harness) => {
      harness.publish(viewOf(1, {}));
      await using client = harness.connect();
      client.request("cluster");
      const response = await client.next();
      assert.deepEqual([response.type, response.resources, response.removed], ["cluster", {}, []]);
    },
  },
  {
    shortName: "DeltaSendsOnlyChanges",
    description: "A change of one resource is one resource on the wire, a disappearance a name",
    test: async (harness) => {
      await using client = await loaded(harness, { cluster: { a: "1", b: "1", c: "1" } });
      harness.publish(viewOf(2, { cluster: { a: "1", b: "2" } }));
      const changed = await client.next();
      assert.deepEqual(changed.resources, { b: "2" });
      client.ack(changed);
      assert.deepEqual((await client.next()).removed, ["c"]);
    },
  },
  {
    shortName: "DeltaUnsubscribeStopsUpdates",
    description: "Changes of a name that was left are not sent",
    test: async (harness) => {
      await using client = await loaded(harness, { endpoint: { a: "1", b: "1" } });
      client.request("endpoint", { unsubscribe: ["a"] });
      assert.deepEqual(await client.settle(), []);
      harness.publish(viewOf(2, { endpoint: { a: "2", b: "1" } }));
      assert.deepEqual(await client.settle(), []);
      harness.publish(viewOf(3, { endpoint: { a: "2", b: "2" } }));
      assert.deepEqual((await client.next()).resources, { b: "2" });
    },
  },
  {
    shortName: "DeltaResubscribeIsAnswered",
    description: "A name that is asked for again is sent again, changed or not",
    test: async (harness) => {
      await using client = await loaded(harness, { endpoint: { a: "1" } });
      client.request("endpoint", { unsubscribe: ["a"] });
      client.request("endpoint", { subscribe: ["a"] });
      assert.deepEqual((await client.next()).resources, { a: "1" });
    },
  },
  {
    shortName: "DeltaUnsubscribeUnderWildcard",
    description: "A name that is left by name but wanted by wildcard is sent once more, or removed",
    test: async (harness) => {
      await using client = await loaded(harness, { cluster: { a: "1" } });
      client.request("cluster", { subscribe: ["a", "unknown"] });
      client.ack(await client.next());
      client.request("cluster", { unsubscribe: ["a", "unknown"] });
      const response = await client.next();
      assert.deepEqual([response.resources, response.removed], [{ a: "1" }, ["unknown"]]);
    },
  },
  {
    shortName: "UnknownNameAnsweredAtOnce",
    description: "No endpoints, no routes, nobody may pass, no secret; and the real thing as soon as there is one",
    test: async (harness) => {
      harness.publish(viewOf(1, {}));
      await using client = harness.connect();
      for (const type of ["endpoint", "route", "extension"] as const) {
        client.request(type, { subscribe: ["x"] });
        const response = await client.next();
        assert.deepEqual(response.resources, { x: absentVersion(type, "x") });
        client.ack(response);
      }
      client.request("secret", { subscribe: ["x"] });
      const secret = await client.next();
      assert.deepEqual(secret.removed, ["x"]);
      client.ack(secret);
      harness.publish(viewOf(2, { route: { x: "1" } }));
      assert.deepEqual((await client.next()).resources, { x: "1" });
    },
  },
  {
    shortName: "AdsAckIsSilent",
    description: "An acknowledgement is not answered",
    test: async (harness) => {
      await using client = await loaded(harness, { cluster: { a: "1" } });
      assert.deepEqual(await client.settle(), []);
    },
  },
  {
    shortName: "AdsNackKeepsLastGood",
    description: "A refused version is not sent again; the next version is; the rest goes on",
    test: async (harness) => {
      await using client = await loaded(harness, { cluster: { a: "1" } });
      harness.publish(viewOf(2, { cluster: { a: "2?" } }));
      client.nack(await client.next(), "no such thing");
      await harness.reported("refused cluster a@2?: no such thing");
      harness.publish(viewOf(3, { cluster: { a: "2?", b: "1" } }));
      const other = await client.next();
      assert.deepEqual(other.resources, { b: "1" });
      client.ack(other);
      harness.publish(viewOf(4, { cluster: { a: "3?", b: "1" } }));
      const next = await client.next();
      assert.deepEqual(next.resources, { a: "3?" });
      client.ack(next);
      await harness.reported("settled 4");
    },
  },
  {
    shortName: "NackOfBatchIsRepeatedSingly",
    description: "After a refused first load every resource of it goes alone",
    test: async (harness) => {
      harness.publish(viewOf(1, { cluster: { a: "1?", b: "1?" } }));
      await using client = harness.connect();
      client.request("cluster");
      client.nack(await client.next());
      const singles = [await client.next(), await client.next()];
      assert.deepEqual(
        singles.map(({ resources }) => resources),
        [{ a: "1?" }, { b: "1?" }],
      );
    },
  },
  {
    shortName: "StaleNonceIgnored",
    description: "An answer with a nonce that is not awaited neither acknowledges nor refuses",
    test: async (harness) => {
      await using client = await loaded(harness, { cluster: { a: "1" } });
      harness.publish(viewOf(2, { cluster: { a: "2" } }));
      const response = await client.next();
      client.request("cluster", { nonce: "no-such-nonce", error: "stale" });
      client.request("cluster", { nonce: "1" });
      assert.deepEqual(await client.settle(), []);
      client.ack(response);
      await harness.reported("acknowledged cluster a@2");
      assert.ok(!harness.reports.some((line) => line.startsWith("refused")));
    },
  },
  {
    shortName: "OneBatchInFlight",
    description: "While a batch is unanswered nothing follows; afterwards only the newest does",
    test: async (harness) => {
      await using client = await loaded(harness, { endpoint: { a: "1" } });
      harness.publish(viewOf(2, { endpoint: { a: "2" } }));
      const first = await client.next();
      harness.publish(viewOf(3, { endpoint: { a: "3" } }));
      harness.publish(viewOf(4, { endpoint: { a: "4" } }));
      // The probe is a secret, of another type, and so not held up.
      assert.deepEqual(await client.settle(), []);
      client.ack(first);
      assert.deepEqual((await client.next()).resources, { a: "4" });
    },
  },
  {
    shortName: "MakeBeforeBreak",
    description: "Clusters, their endpoints again, their acknowledgement, listeners and routes, and removals last",
    test: async (harness) => {
      await using client = await loaded(harness, {
        cluster: { a: "1", old: "1" },
        endpoint: { a: "1" },
        listener: { l: "1" },
        route: { r: "1" },
      });
      harness.publish(
        viewOf(2, { cluster: { a: "2", n: "1" }, endpoint: { a: "1" }, listener: { l: "1" }, route: { r: "2" } }),
      );
      const clusters = await client.next();
      const endpoints = await client.next();
      assert.deepEqual([clusters.resources, endpoints.resources], [{ a: "2", n: "1" }, { a: "1" }]);
      client.ack(endpoints);
      assert.deepEqual(await client.settle(), []);
      client.ack(clusters);
      const routes = await client.next();
      assert.deepEqual(routes.resources, { r: "2" });
      assert.deepEqual(await client.settle(), []);
      client.ack(routes);
      assert.deepEqual((await client.next()).removed, ["old"]);
    },
  },
  {
    shortName: "ReconnectSendsNothing",
    description: "What the proxy holds with the same version is not sent again; what it should not hold is removed",
    test: async (harness) => {
      harness.publish(viewOf(1, { cluster: { a: "1" }, endpoint: { a: "1" }, listener: { l: "2" } }));
      await using client = harness.connect();
      client.request("cluster", { held: { a: "1" } });
      const clusters = await client.next();
      assert.deepEqual([clusters.resources, clusters.removed], [{}, []]);
      client.ack(clusters);
      client.request("endpoint", { subscribe: ["a"], held: { a: "1" } });
      client.request("listener", { held: { l: "1", gone: "1" } });
      const listeners = await client.next();
      assert.deepEqual([listeners.type, listeners.resources, listeners.removed], ["listener", { l: "2" }, ["gone"]]);
      client.ack(listeners);
      await harness.reported("settled 1");
    },
  },
  {
    shortName: "NodeOnlyInFirstMessage",
    description: "The node of the first message counts for the stream",
    test: async (harness) => {
      await using client = await loaded(harness, { cluster: { a: "1" } });
      client.request("route", { subscribe: ["x"] });
      await client.next();
      assert.equal(harness.reports.filter((line) => line.startsWith("connected")).length, 1);
      assert.equal(harness.reports[0], "connected shop/cart test 1.40.0 delta");
    },
  },
];

/** A proxy that has asked for all of this and acknowledged it. */
async function loaded(harness: XdsHarness, content: ViewContent): Promise<DeltaClient> {
  harness.publish(viewOf(1, content));
  const client = harness.connect();
  for (const type of ["cluster", "endpoint", "listener", "route"] as const) {
    const names = Object.keys(content[type] ?? {});
    const byName = type === "endpoint" || type === "route";
    if (byName && names.length === 0) continue;
    client.request(type, { subscribe: byName ? names : [] });
    const response: DeltaResponse = await client.next();
    assert.deepEqual(Object.keys(response.resources).sort(), names.sort());
    client.ack(response);
  }
  await harness.reported("settled 1");
  return client;
}

function absentVersion(type: EnvoyType, name: string): string {
  const body = absentResource(type, name);
  return body === "removed" ? "" : contentHash(body);
}
