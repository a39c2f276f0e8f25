import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceKey } from "../../shared/core/mesh/mesh.ts";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { emptyTrie } from "../../shared/core/trie/trie.ts";
import { namespace, service, stateOf } from "../../test/support/build.ts";
import type { ClusterChange } from "../kubernetes/cluster-objects.ts";
import type { Pod } from "../kubernetes/pods.ts";
import { watchEndpointProblems } from "./endpoint-problems.ts";

const cart = serviceKey("shop", "cart");
const bare = { meshed: false } as Pod;

/** A cluster with one Service and one endpoint; time passes when the test says so. */
function startCluster(labels?: Readonly<Record<string, string>>) {
  const pods = new Map<string, Pod>([["shop/cart-1", bare]]);
  const objects = emptyTrie.with(
    stateOf([namespace("shop", labels), service("shop/cart", { ports: [80] })]).map(stateEntry),
  );
  const endpoint = {
    addresses: ["10.0.0.1"],
    ready: true,
    serving: true,
    terminating: false,
    pod: "shop/cart-1",
    podUid: undefined,
    zone: undefined,
  };
  const listeners: ((change: ClusterChange) => void)[] = [];
  const timers: (() => void)[] = [];
  const shown: (readonly Problem[])[] = [];
  watchEndpointProblems({
    objects: {
      objects: () => objects,
      slices: () => [{ key: "shop/cart-x", service: cart, ports: [{ name: "", port: 80 }], endpoints: [endpoint] }],
      pod: (key) => pods.get(key),
      onChange(listener) {
        listeners.push(listener);
        return { [Symbol.dispose]: () => undefined };
      },
    },
    clock: {
      now: () => 0,
      monotonic: () => 0,
      after(_milliseconds, callback) {
        timers.push(callback);
        return { [Symbol.dispose]: () => undefined };
      },
    },
    patience: 1,
    show: (problems) => void shown.push(problems),
  });
  return {
    pods,
    shown,
    change(change: ClusterChange) {
      for (const listener of listeners) listener(change);
    },
    passTime() {
      for (const timer of timers.splice(0)) timer();
    },
  };
}

test("an endpoint without sidecar is a problem on its Service, and none once the pod has its mark", () => {
  const cluster = startCluster();
  cluster.change({ kind: "endpoints", service: cart });
  assert.equal(cluster.shown.length, 0);
  cluster.passTime();
  assert.deepEqual(
    cluster.shown.at(-1)?.map(({ code, object, message }) => [code, object.name, message]),
    [["endpoint-without-sidecar", "cart", "shop/cart-1 behind this Service has no sidecar"]],
  );
  cluster.pods.set("shop/cart-1", { meshed: true } as Pod);
  cluster.change({ kind: "pod", pod: "shop/cart-1" });
  cluster.passTime();
  assert.deepEqual(cluster.shown.at(-1), []);
});

test("what is odd only for a moment is no problem, nor what is outside the mesh", () => {
  const brief = startCluster();
  brief.change({ kind: "endpoints", service: cart });
  brief.pods.set("shop/cart-1", { meshed: true } as Pod);
  brief.passTime();
  assert.deepEqual(brief.shown, []);
  const outside = startCluster({});
  outside.change({ kind: "endpoints", service: cart });
  outside.passTime();
  assert.deepEqual(outside.shown, []);
});
