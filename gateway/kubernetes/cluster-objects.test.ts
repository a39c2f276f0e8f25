import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { maxMessageBytes, sealEnvelope } from "../../shared/core/events/envelope.ts";
import { watchedKinds } from "../../shared/core/events/normalise.ts";
import { serviceKey } from "../../shared/core/mesh/mesh.ts";
import { readRefusedMarker, readStateEntry } from "../../shared/core/state/cluster-state.ts";
import { evolve } from "../../shared/core/state/evolve.ts";
import { emptyTrie } from "../../shared/core/trie/trie.ts";
import {
  httpRouteGroup,
  type KubernetesObject,
  namespace,
  pod,
  service,
  trafficTarget,
} from "../../test/support/build.ts";
import { nextEvents } from "../publish/outbox.ts";
import { createFakeApi, until } from "./client-fixture.ts";
import { type ClusterChange, startClusterObjects } from "./cluster-objects.ts";

const pluralOf = new Map([
  ...watchedKinds.map(({ kind, plural }) => [kind, plural] as const),
  ["Pod", "pods"],
  ["EndpointSlice", "endpointslices"],
]);
const classLinger = 60_000;

/** A cluster of which a test writes lists and watch lines, and the picture of it. */
async function startCluster(t: TestContext, ...objects: readonly KubernetesObject[]) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let stored = objects;
  let resourceVersion = 1;
  const of = (plural: string) => stored.filter(({ kind }) => pluralOf.get(kind) === plural);
  const stamped = (object: KubernetesObject) => ({
    ...object,
    metadata: { uid: `uid-${object.metadata.name}`, ...object.metadata, resourceVersion: String(++resourceVersion) },
  });
  const api = createFakeApi(({ path }) => ({
    metadata: { resourceVersion: String(++resourceVersion) },
    items: of(path.slice(path.lastIndexOf("/") + 1)).map(stamped),
  }));
  const faults: string[] = [];
  const picture = startClusterObjects({
    client: api,
    network: { serviceCidrs: ["10.96.0.0/12"] },
    classLinger,
    fault: (error) => faults.push(error.message),
  });
  t.after(() => picture[Symbol.asyncDispose]());
  await picture.listed;
  await until(() => api.watches.length === pluralOf.size);
  const changes: ClusterChange[] = [];
  picture.onChange((change) => changes.push(change));
  const tell = (type: string, object: KubernetesObject): void => {
    const plural = pluralOf.get(object.kind) ?? "";
    api.watches
      .findLast(({ path }) => path.split("?")[0]?.endsWith(`/${plural}`))
      ?.line({ type, object: stamped(object) });
  };
  return {
    picture,
    faults,
    changes,
    apply: (object: KubernetesObject) => tell("MODIFIED", object),
    remove: (object: KubernetesObject) => tell("DELETED", object),
    async relist(...now: readonly KubernetesObject[]) {
      stored = now;
      await picture.relist();
    },
    keys: () => [...picture.objects().entries()].map(([key]) => key).sort(),
    names: (kind: string) =>
      [...picture.objects().entries()]
        .flatMap(([key]) => (key.split("/")[1] === kind ? [key.split("/").slice(2).join("/")] : []))
        .sort(),
    classOf: (name: string) => picture.classOf(name)?.key.name,
  };
}

function slice(name: string, of: string | undefined, ip = "10.1.0.1"): KubernetesObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "shop", ...(of !== undefined && { labels: { "kubernetes.io/service-name": of } }) },
    ports: [{ name: "", port: 80 }],
    endpoints: [{ addresses: [ip] }],
  };
}

const cart = service("shop/cart", { ports: [80] });
const target = trafficTarget("shop/web-to-cart", { to: "cart", from: ["shop/web"], rules: [] });

test("the picture after any lists and lines is the one that a fresh list gives", async (t) => {
  const cluster = await startCluster(t, namespace("shop"), cart, pod("shop/cart"));
  cluster.apply(target);
  cluster.apply(service("shop/cart", { ports: [80, 81] }));
  cluster.apply(service("shop/gone", { ports: [80] }));
  cluster.remove(service("shop/gone", { ports: [80] }));
  cluster.apply(pod("shop/web"));
  const now = [namespace("shop"), service("shop/cart", { ports: [80, 81] }), target, pod("shop/cart"), pod("shop/web")];
  t.mock.timers.tick(classLinger);
  const fresh = await freshRoot(t, now);
  assert.equal(cluster.picture.objects().root, fresh);
  await cluster.relist(...now);
  assert.equal(cluster.picture.objects().root, fresh);
  await cluster.relist(namespace("shop"));
  t.mock.timers.tick(classLinger);
  assert.equal(cluster.picture.objects().root, await freshRoot(t, [namespace("shop")]));
  assert.deepEqual(cluster.faults, []);
});

/** State hash of a picture that begins with these objects. */
async function freshRoot(t: TestContext, objects: readonly KubernetesObject[]): Promise<string> {
  let root = "";
  await t.test("fresh", async (own) => {
    root = (await startCluster(own, ...objects)).picture.objects().root;
  });
  return root;
}

test("what an update changes nothing in is no change of the state", async (t) => {
  const cluster = await startCluster(t, namespace("shop"), cart);
  const { root } = cluster.picture.objects();
  cluster.apply({ ...cart, status: { loadBalancer: {} } });
  assert.deepEqual([cluster.picture.objects().root, cluster.changes], [root, []]);
});

test("a class comes with its first pod, stays when one of two goes, and goes some time after the last", async (t) => {
  const cluster = await startCluster(t, namespace("shop"), cart);
  cluster.apply(pod("shop/cart-1", { account: "cart", labels: { app: "cart" } }));
  const [name] = cluster.names("WorkloadClass");
  assert.equal(name, `shop/${cluster.classOf("shop/cart-1")}`);
  cluster.apply(pod("shop/cart-2", { account: "cart", labels: { app: "cart" } }));
  cluster.remove(pod("shop/cart-1"));
  t.mock.timers.tick(classLinger);
  assert.deepEqual(cluster.names("WorkloadClass"), [name]);
  cluster.remove(pod("shop/cart-2"));
  t.mock.timers.tick(classLinger - 1);
  assert.deepEqual(cluster.names("WorkloadClass"), [name]);
  cluster.apply(pod("shop/cart-3", { account: "cart", labels: { app: "cart" } }));
  t.mock.timers.tick(classLinger);
  assert.deepEqual(cluster.names("WorkloadClass"), [name], "a pod that came meanwhile keeps it");
  cluster.remove(pod("shop/cart-3"));
  t.mock.timers.tick(classLinger);
  assert.deepEqual(cluster.names("WorkloadClass"), []);
});

test("pods that are gone at a relist leave their class, too", async (t) => {
  const cluster = await startCluster(t, namespace("shop"), cart, pod("shop/cart"));
  await cluster.relist(namespace("shop"), cart);
  assert.equal(cluster.classOf("shop/cart"), undefined);
  t.mock.timers.tick(classLinger);
  assert.deepEqual(cluster.names("WorkloadClass"), []);
});

test("a Service that begins or ends to select a pod moves it to another class, and says so of the pod", async (t) => {
  const v1 = pod("shop/v1", { account: "cart", labels: { app: "cart", version: "1" } });
  const v2 = pod("shop/v2", { account: "cart", labels: { app: "cart", version: "2" } });
  const selecting = (selector: Readonly<Record<string, string>>) => service("shop/cart", { ports: [80], selector });
  const cluster = await startCluster(t, namespace("shop"), selecting({ app: "cart", version: "1" }), v1, v2);
  assert.notEqual(cluster.classOf("shop/v1"), cluster.classOf("shop/v2"));
  cluster.changes.length = 0;
  // The class that v2 comes to is there already, and the one it leaves lingers: the state does not change, but the pod's proxy must be told.
  cluster.apply(selecting({ app: "cart" }));
  assert.equal(cluster.classOf("shop/v1"), cluster.classOf("shop/v2"));
  assert.deepEqual(cluster.changes, [
    { kind: "pod", pod: "shop/v2" },
    { kind: "endpoints", service: "shop/cart" },
  ]);
  cluster.remove(selecting({ app: "cart" }));
  assert.deepEqual(
    cluster.changes.flatMap((change) => (change.kind === "pod" ? [change.pod] : [])),
    ["shop/v2", "shop/v1", "shop/v2"],
  );
});

test("a Service whose ports have other names is a change of its endpoints, and one that is what it was is none", async (t) => {
  const named = (name: string) => service("shop/cart", { ports: [{ port: 80, name }] });
  const cluster = await startCluster(t, namespace("shop"), named("web"), pod("shop/cart"));
  cluster.changes.length = 0;
  cluster.apply(named("http"));
  assert.deepEqual(
    cluster.changes.filter(({ kind }) => kind !== "objects"),
    [{ kind: "endpoints", service: "shop/cart" }],
  );
  cluster.changes.length = 0;
  cluster.apply(named("http"));
  assert.deepEqual(cluster.changes, []);
});

test("an object that is refused, or too large for a message, stands as a marker that the cloud makes, too", async (t) => {
  const cluster = await startCluster(t, namespace("shop"));
  const quotes = '"'.repeat(maxMessageBytes / 4); // as JSON within JSON each takes four bytes
  const objects = [
    { ...target, metadata: { ...target.metadata, name: "large" }, spec: { text: "x".repeat(maxMessageBytes) } },
    { ...target, metadata: { ...target.metadata, name: "quoted" }, spec: { text: quotes } },
    {
      ...target,
      metadata: { ...target.metadata, name: "deep" },
      spec: JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`) as never,
    },
  ];
  for (const object of objects) cluster.apply(object);
  const before = cluster.picture.objects();
  for (const object of objects) cluster.apply({ ...object, status: { seen: true } });
  assert.equal(cluster.picture.objects().root, before.root, "what nobody edited stays the same marker");
  for (const { metadata } of objects) {
    const value = before.get(`access.smi-spec.io/TrafficTarget/shop/${metadata.name}`);
    assert.ok(value && readRefusedMarker(readStateEntry(value).body), metadata.name);
  }
  const context = { mesh: "weft", cluster: "one", note: cluster.picture.note, now: () => "now" };
  const { events } = nextEvents(context, { objects: emptyTrie, position: { epoch: 1, seq: 1 } }, before);
  const ingested = events.reduce((state, event) => evolve(state, event).state, {
    applied: { epoch: 1, seq: 1 },
    objects: emptyTrie,
  });
  assert.equal(ingested.objects.root, before.root);
});

test("the largest object that is taken makes a message that the hub takes", async (t) => {
  const { generateKeyPairSync } = await import("node:crypto");
  const { privateKey } = generateKeyPairSync("ed25519");
  const cluster = await startCluster(t, namespace("shop"));
  for (const [text, size] of [
    ["x", maxMessageBytes - 5000],
    ['"', (maxMessageBytes - 5000) / 4],
    ["é", (maxMessageBytes - 5000) / 2],
  ] as const) {
    cluster.apply(httpRouteGroup("shop/large", []));
    const before = cluster.picture.objects();
    cluster.apply({ ...httpRouteGroup("shop/large", []), spec: { matches: [], text: text.repeat(size) } });
    const context = { mesh: "weft", cluster: "one", note: cluster.picture.note, now: () => new Date(0).toISOString() };
    const { events } = nextEvents(
      context,
      { objects: before, position: { epoch: 1, seq: 1 } },
      cluster.picture.objects(),
    );
    assert.equal(events[0]?.type, "ObjectApplied", text);
    const envelope = sealEnvelope(JSON.stringify(events[0]), { kid: "k".repeat(16), privateKey });
    assert.ok(Buffer.byteLength(JSON.stringify(envelope)) <= maxMessageBytes, text);
  }
});

test("the last write of an object is noted; of what a relist no longer has, nothing is known", async (t) => {
  const cluster = await startCluster(t, namespace("shop"));
  const noted = {
    ...target,
    metadata: {
      ...target.metadata,
      generation: 4,
      managedFields: [
        { manager: "late", time: "2026-01-02T00:00:00Z" },
        { manager: "early", time: "2026-01-01T00:00:00Z" },
      ],
    },
  };
  cluster.apply(noted);
  const key = "access.smi-spec.io/TrafficTarget/shop/web-to-cart";
  const { resourceVersion: _resourceVersion, ...cause } = cluster.picture.note(key)?.cause ?? {};
  assert.deepEqual(cause, { generation: 4, manager: "late", time: "2026-01-02T00:00:00Z" });
  cluster.remove({ ...noted, metadata: { ...noted.metadata, generation: 5 } });
  assert.equal(cluster.picture.note(key)?.cause.generation, 5);
  cluster.apply(noted);
  await cluster.relist(namespace("shop"));
  assert.equal(cluster.picture.note(key), undefined);
});

test("slices are found by their Service, and a slice that moves or goes is told of both", async (t) => {
  const cluster = await startCluster(t, namespace("shop"), slice("one", "cart"), slice("two", "cart", "10.1.0.2"));
  const of = (name: string) => [...cluster.picture.slices(serviceKey("shop", name))].map(({ key }) => key).sort();
  assert.deepEqual(of("cart"), ["shop/one", "shop/two"]);
  cluster.apply(slice("two", "other"));
  assert.deepEqual([of("cart"), of("other")], [["shop/one"], ["shop/two"]]);
  cluster.remove(slice("one", "cart"));
  cluster.apply(slice("two", undefined));
  assert.deepEqual([of("cart"), of("other")], [[], []]);
  assert.deepEqual(
    cluster.changes.map((change) => (change.kind === "endpoints" ? change.service : change.kind)),
    ["shop/cart", "shop/other", "shop/cart", "shop/other"],
  );
  cluster.apply(slice("three", "cart"));
  await cluster.relist(namespace("shop"));
  assert.deepEqual(of("cart"), []);
});

test("a listener that throws keeps nothing from the others", async (t) => {
  const cluster = await startCluster(t, namespace("shop"));
  cluster.picture.onChange(() => {
    throw new Error("a listener's own fault");
  });
  let told = 0;
  cluster.picture.onChange(() => told++);
  cluster.apply(target);
  assert.deepEqual([told, cluster.faults], [1, ["a listener's own fault"]]);
});

test("what the gateway knows of the cluster's network is an object of the state", async (t) => {
  const cluster = await startCluster(t);
  assert.deepEqual(cluster.keys(), ["weft.dev/ClusterNetwork//cluster"]);
});
