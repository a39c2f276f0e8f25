import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "fast-check";
import { createFakeCluster, createFakeSecrets, snapshotOf } from "../../gateway/fast/fast-fixture.ts";
import { createProxyViews, type ProxyViews } from "../../gateway/fast/proxy-views.ts";
import type { ServedSnapshot } from "../../gateway/follow/head-follower.ts";
import type { ProxyIdentity } from "../../gateway/xds/ports.ts";
import { accountKey, type ClassKey } from "../../shared/core/mesh/mesh.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import { classesOf } from "../../shared/core/snapshot/snapshot.ts";
import type { View, ViewResource } from "../../shared/core/stream/view.ts";
import { envoyTypes } from "../../shared/core/xds/resource.ts";
import { type KubernetesObject, meshConfig, namespace, pod, service } from "../support/build.ts";
import { cases, clustersOf } from "./clusters.ts";

/** Whatever comes, a view is the one that a gateway would make that has seen nothing before, and says what differs from older ones. */

const few = { numRuns: Math.ceil(cases.numRuns / 4) };
const places = ["a", "b"];
const names = ["x", "y"];
const { objects, object } = clustersOf({ places, names, most: 12 });
const proxies = 4;

/** Names that many classes share are listed by a set, or said to be everyone's, only where they are many. */
const crowd = Array.from({ length: 12 }, (_, index) => `many${index}`);
const crowded: readonly KubernetesObject[] = [
  ...crowd.map((name) => service(`a/${name}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }] })),
  ...crowd.map((name) => pod(`a/${name}`)),
];

type Action =
  | { readonly kind: "serve"; readonly objects: readonly KubernetesObject[] }
  | { readonly kind: "slice"; readonly name: string; readonly ready: readonly boolean[] }
  | { readonly kind: "roots" | "identity" | "stop" | "follow"; readonly index: number };

const worlds = fc.tuple(objects, fc.boolean(), fc.boolean()).chain(([base, permissive, isCrowded]) => {
  const frame = [
    ...places.map((place) => namespace(place)),
    ...(isCrowded ? crowded : []),
    ...base,
    meshConfig({ permissive, egress: false }),
  ];
  const serve = fc.array(fc.nat(frame.length - 1), { maxLength: 3 }).chain((dropped) =>
    fc.array(object, { maxLength: 3 }).map((more): Action => {
      const left = frame.filter((_, index) => !dropped.includes(index));
      return { kind: "serve", objects: [...left, ...more] };
    }),
  );
  const services = isCrowded ? ["a/x", "b/y", "a/many1", "a/many2"] : ["a/x", "a/y", "b/x", "b/y"];
  const slice = fc.record({
    kind: fc.constant("slice" as const),
    name: fc.constantFrom(...services),
    ready: fc.array(fc.boolean(), { maxLength: 3 }),
  });
  const other = fc.record({
    kind: fc.constantFrom("roots" as const, "identity" as const, "stop" as const, "follow" as const),
    index: fc.nat(proxies - 1),
  });
  return fc
    .array(fc.oneof(serve, slice, slice, other), { minLength: 3, maxLength: 15 })
    .map((actions) => ({ frame, actions }));
});

test("views are those of a gateway that has seen nothing before, and tell what differs from older ones", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async ({ frame, actions }) => {
      const world = begin(frame);
      for (const action of [{ kind: "serve", objects: frame } as const, ...actions]) {
        world.take(action);
        await nextTurn();
        world.check();
      }
      world.end();
    }),
    few,
  );
});

function begin(frame: readonly KubernetesObject[]) {
  const cluster = createFakeCluster(...[...frame, ...crowded].filter(({ kind }) => kind === "Service"));
  for (const object of [...frame, ...crowded].filter(({ kind }) => kind === "Pod")) cluster.putPod(object);
  const first = snapshotOf(1, frame);
  const classes = classesOf(first.snapshot.index).slice(0, proxies);
  const secrets = createFakeSecrets(...classes.map((_, index) => accountKey("a", `account${index}`)));
  const faults: unknown[] = [];
  const start = (): ProxyViews =>
    createProxyViews({
      objects: { ...cluster, classOf: (name) => classObject(classes[Number(name.slice(-1))]) },
      secrets,
      compileClass: () => Promise.resolve(undefined),
      fault: (error) => faults.push(error),
    });
  const views = start();
  let served: ServedSnapshot | undefined;
  let version = 0;
  let roots = 0;
  const followers = classes.map((_, index) => createFollower(views, index));
  for (const follower of followers) follower.follow();
  return {
    take(action: Action): void {
      switch (action.kind) {
        case "serve":
          served = snapshotOf(++version, action.objects);
          return views.serve(served);
        case "slice":
          return cluster.putSlice(sliceOf(action.name, action.ready));
        case "roots":
          return secrets.changeRoots(`roots ${++roots % 2}`);
        case "identity":
          return secrets.issue(accountKey("a", `account${action.index}`));
        case "stop":
        case "follow":
          return followers[action.index]?.[action.kind]();
      }
    },
    check(): void {
      assert.deepEqual(faults, []);
      // Who waits for others gets a view when these have settled, and may be waited for in turn.
      for (let round = 0; round < proxies; round++) for (const follower of followers) follower.settle();
      const fresh = start();
      if (served !== undefined) fresh.serve(served);
      for (const [index, follower] of followers.entries()) {
        const other = createFollower(fresh, index);
        other.follow();
        const [expected] = other.seen;
        if (expected !== undefined && follower.isFollowing())
          assert.deepEqual(contentOf(follower.last()), contentOf(expected));
        for (const view of follower.seen) assertTells(view, follower.last());
        other.stop();
      }
      fresh[Symbol.dispose]();
    },
    end: () => views[Symbol.dispose](),
  };
}

function classObject(key: ClassKey | undefined): MeshObject | undefined {
  if (key === undefined) return undefined;
  return { key: { group: "", kind: "", namespace: "", name: key }, uid: key, body: {} };
}

function createFollower(views: ProxyViews, index: number) {
  const proxy: ProxyIdentity = {
    proxy: `a/p${index}`,
    namespace: "a",
    pod: `p${index}`,
    podUid: "1",
    serviceAccount: `account${index}`,
  };
  const seen: View[] = [];
  let following: ReturnType<ProxyViews["follow"]> | undefined;
  return {
    seen,
    isFollowing: () => following !== undefined,
    last: () => seen.at(-1),
    follow(): void {
      if (following !== undefined) return;
      seen.length = 0;
      following = views.follow(proxy, { view: (view) => void seen.push(view), end: () => undefined });
    },
    stop(): void {
      following?.[Symbol.dispose]();
      following = undefined;
    },
    settle: () => following?.settled(seen.at(-1)?.generation ?? 0),
  };
}

function sliceOf(name: string, ready: readonly boolean[]) {
  const pods = name.slice(name.indexOf("/") + 1);
  return {
    name: pods,
    service: name,
    ports: [
      { name: "http", port: 8080 },
      { name: "", port: 8081 },
      { name: "http-a", port: 8082 },
    ],
    endpoints: ready.map((isReady, index) => ({ ip: `10.1.0.${index}`, pod: pods, conditions: { ready: isReady } })),
  };
}

function contentOf(view: View | undefined) {
  return (
    view &&
    Object.fromEntries(
      envoyTypes.map((type) => [
        type,
        {
          size: view.resources[type].size,
          members: new Map([...view.resources[type]].map(([name, resource]) => [name, shortOf(resource)])),
        },
      ]),
    )
  );
}

function shortOf({ version, guards, peers }: ViewResource) {
  return { version, peers, guards: guards?.policies.map(({ name }) => name).sort() };
}

/** By identity: a stream looks at nothing else. */
function assertTells(older: View, newer: View | undefined): void {
  const changes = newer?.changesSince?.(older.generation);
  if (newer === undefined || changes === undefined) return;
  for (const type of envoyTypes) {
    const told = new Set(changes.flatMap((change) => (change.type === type ? change.names : [])));
    const [before, after] = [older.resources[type], newer.resources[type]];
    for (const name of new Set([...before.keys(), ...after.keys()]))
      if (before.get(name) !== after.get(name)) assert.ok(told.has(name), `${type} ${name}`);
  }
}
