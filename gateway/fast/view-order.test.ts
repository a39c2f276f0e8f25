import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { accountKey, type ClassKey } from "../../shared/core/mesh/mesh.ts";
import { viewOf } from "../../shared/core/stream/stream-fixture.ts";
import type { View } from "../../shared/core/stream/view.ts";
import type { ClassGroup, Follower, GroupPolicy, Layer } from "./class-group.ts";
import { createViewHistory } from "./view-changes.ts";
import { createViewOrder, type ViewOrder } from "./view-order.ts";

const limit = 1000;

interface World {
  readonly order: ViewOrder;
  /** A class with one proxy, which has acknowledged what it was told. */
  readonly server: (ports: readonly number[]) => Party;
  readonly client: (reaches?: readonly string[]) => Party;
  /** A new snapshot: the classes get the next views together. */
  readonly serve: (...parties: readonly Party[]) => void;
}

interface Party {
  readonly group: ClassGroup;
  readonly follower: Follower;
  /** Its next view. */
  next(content: { readonly ports?: readonly number[]; readonly reaches?: readonly string[] }): Party;
  /** Inbound ports in the order in which the proxy was told of them: `80,81 80`. */
  told(): string;
  acknowledge(): void;
  /** Another proxy comes into the class, and acknowledges nothing; answers what it was told. */
  silent(): () => string;
}

let generation = 0;

function start(t: TestContext): World {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const nextGeneration = (): number => ++generation;
  const order = createViewOrder({ limit, nextGeneration });
  const party = (name: string, first: readonly number[], reaches: readonly string[]): Party => {
    const seen: View[] = [];
    const follower = followerOf(name, seen);
    const group: ClassGroup = {
      key: name as ClassKey,
      account: accountKey("shop", name),
      followers: new Set([follower]),
      history: createViewHistory(),
      policy: policyTo(reaches),
      compiledFor: undefined,
      guarded: new Map(),
      view: viewWith(nextGeneration(), first),
    };
    follower.group = group;
    const own: Party = {
      group,
      follower,
      next(content) {
        if (content.reaches !== undefined) group.policy = policyTo(content.reaches);
        group.view = viewWith(nextGeneration(), content.ports ?? first);
        return own;
      },
      told: () => seen.map(portsOf).join(" "),
      acknowledge: () => order.settled(follower, seen.at(-1)?.generation ?? 0),
      silent() {
        const told: View[] = [];
        const other = followerOf(name, told);
        other.group = group;
        group.followers.add(other);
        order.tellOne(other);
        return () => told.map(portsOf).join(" ");
      },
    };
    order.tell(group);
    own.acknowledge();
    seen.length = 0;
    return own;
  };
  return {
    order,
    server: (ports) => party("server", ports, []),
    client: (reaches = ["server"]) => party("client", [], reaches),
    serve: (...parties) => order.serve(parties.map(({ group }) => group)),
  };
}

function followerOf(name: string, seen: View[]): Follower {
  return {
    proxy: { proxy: `shop/${name}`, namespace: "shop", pod: name, podUid: name, serviceAccount: name },
    listener: { view: (view) => seen.push(view), end: () => undefined },
    group: undefined,
    told: undefined,
    taken: undefined,
  };
}

/** One chain a port, and a policy for each whose version is new in every view. */
function viewWith(number: number, ports: readonly number[]): View {
  const each = (name: (port: number) => string, version: string) =>
    Object.fromEntries(ports.map((port) => [name(port), version]));
  return viewOf(number, {
    listener: { inbound: `chains ${ports.join()}` },
    cluster: each((port) => `local/${port}`, "1"),
    extension: each((port) => `authz-${port}`, `of ${number}`),
  });
}

function portsOf(view: View): string {
  const ports = view.resources.listener.get("inbound")?.version.replace("chains ", "") ?? "";
  for (const port of ports === "" ? [] : ports.split(",")) {
    assert.ok(view.resources.cluster.has(`local/${port}`), `the chain of ${port} has its cluster`);
    assert.ok(view.resources.extension.has(`authz-${port}`), `the chain of ${port} has its policy`);
  }
  return ports === "" ? "none" : ports;
}

function policyTo(names: readonly string[]): GroupPolicy {
  const own: Layer = {
    classes: new Set(),
    resources: viewWith(0, []).resources,
    entries: new Map(),
    reached: new Set(names.map((name) => accountKey("shop", name))),
  };
  return { version: 1, own, shared: undefined, listed: new Set() };
}

test("a change that touches no inbound listener is told to everybody at once", (t) => {
  const { server, client, serve } = start(t);
  const [one, two] = [server([80]), client()];
  serve(one.next({}), two.next({}));
  assert.deepEqual([one.told(), two.told()], ["80", "none"]);
});

test("clients are told when their server has acknowledged the chain that it gains", (t) => {
  const { server, client, serve } = start(t);
  const [one, two] = [server([80]), client()];
  serve(one.next({ ports: [80, 81] }), two.next({}));
  assert.deepEqual([one.told(), two.told()], ["80,81", ""]);
  one.acknowledge();
  assert.equal(two.told(), "none");
});

test("clients wait no longer than the limit, once for a server that does not answer", (t) => {
  const { server, client, serve } = start(t);
  const [one, two] = [server([80]), client()];
  serve(one.next({ ports: [80, 81] }), two.next({}));
  t.mock.timers.tick(limit - 1);
  assert.equal(two.told(), "");
  t.mock.timers.tick(1);
  assert.equal(two.told(), "none");
  two.acknowledge();
  serve(one.next({ ports: [80, 81] }), two.next({}));
  assert.equal(two.told(), "none none");
});

test("a proxy that has acknowledged nothing is not waited for and gets whole views, though others of its class were given up on", (t) => {
  const { server, client, serve } = start(t);
  const [one, two] = [server([80]), client()];
  const silent = one.silent();
  serve(one.next({ ports: [80, 81] }), two.next({}));
  t.mock.timers.tick(limit);
  one.acknowledge();
  two.acknowledge();
  serve(one.next({ ports: [80, 81, 82] }), two.next({}));
  one.acknowledge();
  assert.equal(two.told(), "none none");
  two.acknowledge();
  serve(one.next({ ports: [80] }), two.next({ reaches: [] }));
  assert.equal(silent(), "80 80,81 80,81,82 80");
});

test("snapshots that come meanwhile merge, and do not prolong the wait", (t) => {
  const { server, client, serve } = start(t);
  const [one, two] = [server([80]), client()];
  serve(one.next({ ports: [80, 81] }), two.next({}));
  t.mock.timers.tick(600);
  serve(one.next({ ports: [80, 81] }), two.next({}));
  serve(one.next({ ports: [80, 81, 82] }), two.next({}));
  assert.equal(two.told(), "");
  t.mock.timers.tick(400);
  assert.equal(two.told(), "none", "one view, the newest");
});

test("endpoints of a class that waits are told with the rest", (t) => {
  const { order, server, client, serve } = start(t);
  const [one, two] = [server([80]), client()];
  serve(one.next({ ports: [80, 81] }), two.next({}));
  order.tell(two.next({}).group);
  assert.equal(two.told(), "");
  one.acknowledge();
  assert.equal(two.told(), "none");
});

test("a chain goes when the clients have acknowledged; its server's other policies go at once", (t) => {
  const { server, client, serve } = start(t);
  const [one, two] = [server([80, 81]), client()];
  serve(one.next({ ports: [80] }), two.next({ reaches: [] }));
  assert.deepEqual([one.told(), two.told()], ["80,81", "none"]);
  const extension = one.follower.told?.view.resources.extension;
  assert.equal(extension?.get("authz-80"), one.group.view?.resources.extension.get("authz-80"), "the newest policy");
  one.acknowledge();
  assert.equal(one.told(), "80,81");
  two.acknowledge();
  assert.equal(one.told(), "80,81 80");
});

test("a chain goes at the limit though clients do not answer, and is not brought back", (t) => {
  const { order, server, client, serve } = start(t);
  const [one, two] = [server([80, 81]), client()];
  serve(one.next({ ports: [80] }), two.next({ reaches: [] }));
  t.mock.timers.tick(limit);
  assert.equal(one.told(), "80,81 80");
  order.tell(one.next({ ports: [80] }).group);
  assert.equal(one.told(), "80,81 80 80");
});

test("a proxy that moves to a class without the chain keeps it until the snapshot that takes its clients away, or the limit", (t) => {
  const { order, server, client, serve } = start(t);
  const [one, two] = [server([80, 81]), client()];
  order.tell(one.next({ ports: [80] }).group);
  assert.equal(one.told(), "80,81");
  serve(one.next({ ports: [80] }), two.next({ reaches: [] }));
  assert.match(one.told(), /^80,81( 80,81)*$/);
  two.acknowledge();
  assert.match(one.told(), / 80$/);
});

test("nobody waits for a proxy that has gone", (t) => {
  const { order, server, client, serve } = start(t);
  const [one, two] = [server([80]), client()];
  serve(one.next({ ports: [80, 81] }), two.next({}));
  one.group.followers.delete(one.follower);
  order.left(one.follower, one.group);
  assert.equal(two.told(), "none");
});
