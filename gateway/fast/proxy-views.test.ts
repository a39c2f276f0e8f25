import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type AccountKey, accountKey, type ClassKey } from "../../shared/core/mesh/mesh.ts";
import type { View } from "../../shared/core/stream/view.ts";
import { type KubernetesObject, meshConfig, namespace, pod, service } from "../../test/support/build.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import { until } from "../kubernetes/client-fixture.ts";
import type { ProxyIdentity } from "../xds/ports.ts";
import { type ClassPolicy, type CompileClass, policyIn } from "./class-policy.ts";
import { createFakeCluster, createFakeSecrets, type FakeCluster, snapshotOf } from "./fast-fixture.ts";
import { createProxyViews } from "./proxy-views.ts";

const cart = accountKey("shop", "cart");
const mesh = [namespace("shop"), meshConfig({ permissive: true, egress: false })];
const cartService = service("shop/cart", { ports: [{ port: 80, targetPort: 8080, name: "http" }] });
const cartPod = pod("shop/cart");

function identityOf(name: string, account = "cart", podUid = `uid-${name}`): ProxyIdentity {
  return { proxy: `shop/${name}`, namespace: "shop", pod: name, podUid, serviceAccount: account };
}

function start(
  t: TestContext,
  options: {
    readonly issued?: readonly AccountKey[];
    readonly compileClass?: CompileClass;
    readonly services?: readonly KubernetesObject[];
  } = {},
) {
  const cluster = createFakeCluster(...(options.services ?? [cartService]));
  const secrets = createFakeSecrets(...(options.issued ?? [cart]));
  const faults: unknown[] = [];
  const views = createProxyViews({
    objects: cluster,
    secrets,
    compileClass: options.compileClass ?? (async () => undefined),
    fault: (error) => faults.push(error),
  });
  t.after(() => views[Symbol.dispose]());
  const connect = (identity: ProxyIdentity) => {
    const seen: View[] = [];
    const ended: string[] = [];
    const stop = views.follow(identity, { view: (view) => seen.push(view), end: (reason) => ended.push(reason) });
    return { seen, ended, stop, last: () => seen.at(-1) as View };
  };
  return { cluster, secrets, views, faults, connect };
}

function classKey(cluster: FakeCluster, name: string): ClassKey {
  return cluster.classOf(`shop/${name}`)?.key.name as ClassKey;
}

function identitySecret(view: View | undefined): string {
  return Buffer.from(view?.resources.secret.get("identity")?.body ?? "").toString();
}

test("a proxy gets its class's view, with its own certificate, at once when there is one", (t) => {
  const { cluster, views, connect } = start(t);
  cluster.putPod(cartPod);
  views.serve(snapshotOf(3, [...mesh, cartService, cartPod]));
  const one = connect(identityOf("cart"));
  assert.equal(one.seen.length, 1);
  assert.equal(one.last().snapshotVersion, 3);
  assert.equal(identitySecret(one.last()), "identity of shop/cart");
  assert.ok(one.last().resources.listener.size > 0);
  const two = connect(identityOf("cart"));
  assert.equal(two.last(), one.last(), "all proxies of a class share the view");
});

test("the first view waits for the snapshot, the pod and the certificate, whichever comes last", (t) => {
  const steps = {
    snapshot: ({ views }: ReturnType<typeof start>) => views.serve(snapshotOf(3, [...mesh, cartService, cartPod])),
    pod: ({ cluster }: ReturnType<typeof start>) => cluster.putPod(cartPod),
    certificate: ({ secrets }: ReturnType<typeof start>) => secrets.issue(cart),
  };
  for (const order of [
    ["snapshot", "pod", "certificate"],
    ["certificate", "snapshot", "pod"],
    ["pod", "certificate", "snapshot"],
  ] as const) {
    const world = start(t, { issued: [] });
    const proxy = world.connect(identityOf("cart"));
    for (const [index, step] of order.entries()) {
      assert.equal(proxy.seen.length, 0, `before ${order.slice(index).join(", ")}`);
      steps[step](world);
    }
    assert.equal(proxy.seen.length, 1, order.join(", "));
  }
});

test("a new snapshot, moved endpoints, new roots and a renewed certificate each make a new view, with a higher generation", (t) => {
  const { cluster, secrets, views, connect } = start(t);
  cluster.putPod(cartPod);
  views.serve(snapshotOf(3, [...mesh, cartService, cartPod]));
  const proxy = connect(identityOf("cart"));
  cluster.putSlice({
    name: "one",
    service: "shop/cart",
    ports: [{ name: "http", port: 8080 }],
    endpoints: [{ ip: "10.1.0.1", pod: "cart" }],
  });
  secrets.changeRoots("two");
  secrets.issue(cart);
  views.serve(snapshotOf(4, [...mesh, cartService, cartPod]));
  assert.equal(proxy.seen.length, 5);
  const generations = proxy.seen.map(({ generation }) => generation);
  assert.deepEqual(
    generations,
    [...new Set(generations)].sort((a, b) => a - b),
  );
  assert.equal(proxy.last().snapshotVersion, 4);
  cluster.putSlice({
    name: "one",
    service: "shop/cart",
    ports: [{ name: "http", port: 8080 }],
    endpoints: [{ ip: "10.1.0.1", pod: "cart" }],
  });
  assert.equal(proxy.seen.length, 5, "what comes out the same is no news");
});

test("views that one change makes for several classes are known to be of it", (t) => {
  const other = pod("shop/other", { account: "cart", labels: { app: "other" } });
  const { cluster, views, connect } = start(t);
  cluster.putPod(cartPod);
  cluster.putPod(other);
  views.serve(snapshotOf(3, [...mesh, cartService, cartPod, other]));
  const both = [connect(identityOf("cart")), connect(identityOf("other"))] as const;
  cluster.putSlice({
    name: "one",
    service: "shop/cart",
    ports: [{ name: "http", port: 8080 }],
    endpoints: [{ ip: "10.1.0.1", pod: "cart" }],
  });
  const [one, two] = both.map((proxy) => proxy.last());
  assert.equal(one?.change, two?.change);
  views.serve(snapshotOf(4, [...mesh, cartService, cartPod, other]));
  const [third, fourth] = both.map((proxy) => proxy.last());
  assert.equal(third?.change, fourth?.change);
  assert.ok(Number(third?.change) > Math.max(Number(one?.generation), Number(two?.generation)));
});

test("a pod that changes its class moves to that class's view, which has another generation, and keeps its certificate", (t) => {
  const other = pod("shop/other", { account: "cart", labels: { app: "other" } });
  const moved = service("shop/cart", {
    ports: [{ port: 80, targetPort: 8080, name: "http" }],
    selector: { app: "nobody" },
  });
  const { cluster, secrets, views, connect } = start(t);
  cluster.putPod(cartPod);
  cluster.putPod(other);
  const objects = [...mesh, cartService, cartPod, other];
  views.serve(snapshotOf(3, objects));
  const proxy = connect(identityOf("cart"));
  const stays = connect(identityOf("other"));
  assert.notEqual(proxy.last().generation, stays.last().generation, "views of two classes are never the same view");
  cluster.putService(moved);
  assert.equal(classKey(cluster, "cart"), classKey(cluster, "other"));
  assert.equal(proxy.last(), stays.last());
  stays.stop[Symbol.dispose]();
  cluster.putService(cartService);
  assert.equal(proxy.seen.length, 3);
  assert.deepEqual(secrets.released, [], "the last proxy of an account does not give it away by moving");
  proxy.stop[Symbol.dispose]();
  assert.deepEqual(secrets.released, [cart]);
});

test("a class that the snapshot does not know is compiled here, until the snapshot knows it", async (t) => {
  const full = snapshotOf(3, [...mesh, cartService, cartPod]);
  const compiled: ClassKey[] = [];
  const { cluster, views, connect } = start(t, {
    async compileClass(_, { key }) {
      compiled.push(key.name as ClassKey);
      return policyIn(full, key.name as ClassKey);
    },
  });
  views.serve(snapshotOf(2, [...mesh, cartService]));
  cluster.putPod(cartPod);
  const proxy = connect(identityOf("cart"));
  await until(() => proxy.seen.length === 1);
  assert.ok(proxy.last().resources.listener.size > 0);
  const second = connect(identityOf("cart"));
  assert.equal(second.last(), proxy.last());
  views.serve(full);
  assert.deepEqual(
    proxy.seen.map(({ snapshotVersion }) => snapshotVersion),
    [3, 3],
  );
  assert.deepEqual(compiled, [classKey(cluster, "cart")]);
});

test("a class whose compile was overtaken by another snapshot is compiled from that one", async (t) => {
  const full = snapshotOf(9, [...mesh, cartService, cartPod]);
  const asked: { readonly version: number; readonly done: PromiseWithResolvers<ClassPolicy | undefined> }[] = [];
  const { cluster, views, connect } = start(t, {
    compileClass({ version }: ServedSnapshot) {
      const done = Promise.withResolvers<ClassPolicy | undefined>();
      asked.push({ version, done });
      return done.promise;
    },
  });
  const two = snapshotOf(2, [...mesh, cartService]);
  views.serve(two);
  cluster.putPod(cartPod);
  const proxy = connect(identityOf("cart"));
  views.serve({ ...two, version: 3 }); // the same state, compiled with other settings
  asked[0]?.done.resolve(policyIn(full, classKey(cluster, "cart")));
  await until(() => asked.length === 2);
  assert.deepEqual([asked[1]?.version, proxy.seen.length], [3, 0]);
  asked[1]?.done.resolve(policyIn(full, classKey(cluster, "cart")));
  await until(() => proxy.seen.length === 1);
});

test("a class that could not be compiled here is tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const full = snapshotOf(3, [...mesh, cartService, cartPod]);
  let fails = true;
  const { cluster, views, faults, connect } = start(t, {
    async compileClass(_, { key }) {
      if (fails) throw new Error("a block is missing");
      return policyIn(full, key.name as ClassKey);
    },
  });
  views.serve(snapshotOf(2, [...mesh, cartService]));
  cluster.putPod(cartPod);
  const proxy = connect(identityOf("cart"));
  await until(() => faults.length === 1);
  fails = false;
  t.mock.timers.tick(1000);
  await until(() => proxy.seen.length === 1);
});

test("the stream of a pod that is gone, or that another of its name replaced, is ended", (t) => {
  const { cluster, connect } = start(t);
  cluster.putPod(cartPod);
  const gone = connect(identityOf("cart"));
  cluster.dropPod("shop/cart");
  assert.deepEqual(gone.ended, ["the pod is gone"]);
  cluster.putPod(cartPod);
  const replaced = connect(identityOf("cart"));
  cluster.putPod({ ...cartPod, metadata: { ...cartPod.metadata, uid: "another" } });
  assert.deepEqual(replaced.ended, ["the pod is gone"]);
});

test("a follower that stopped is told nothing more", (t) => {
  const { cluster, views, connect } = start(t);
  cluster.putPod(cartPod);
  views.serve(snapshotOf(3, [...mesh, cartService, cartPod]));
  const proxy = connect(identityOf("cart"));
  proxy.stop[Symbol.dispose]();
  views.serve(snapshotOf(4, [...mesh, cartService, cartPod]));
  assert.equal(proxy.seen.length, 1);
});
